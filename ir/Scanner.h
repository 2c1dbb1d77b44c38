//===- ir/Scanner.h - reads the textual form piece by piece, private ------===//
//
// What a piece is depends on the place ("1x128" is a shape, "0x12" storage),
// so the parser asks for what it expects. The first error is kept with the
// place it was found at; after it everything fails.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "ir/Module.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace mpc::ir::detail {

class Scanner {
public:
  Scanner(llvm::StringRef text, llvm::StringRef fileName)
      : text_(text), fileName_(fileName) {}

  /// All of these skip white space and comments first.
  size_t place(); ///< offset of the next character
  bool atEnd();
  bool peek(char c);
  bool accept(char c); ///< consumes it if it is next
  bool acceptWord(llvm::StringRef word);
  bool expect(char c);
  bool expectWord(llvm::StringRef word);
  /// [A-Za-z_][A-Za-z0-9_.]*, empty if there is none.
  llvm::StringRef word();
  llvm::StringRef peekWord();
  bool integer(int64_t &value);
  bool real(double &value); ///< also reads an integer
  bool real(float &value);
  /// An integer stays one, anything with '.', 'e', inf or nan is a real.
  bool number(Attr &value);
  bool quoted(std::string &value);
  bool startsStorage(); ///< consumes "0x" if it is next

  /// No white space is skipped here: a letter of a plain name or a digit.
  llvm::StringRef takeWhile(llvm::function_ref<bool(char)> pred);

  /// Records the error unless there is one; always false.
  bool fail(size_t at, const llvm::Twine &message);
  bool failHere(const llvm::Twine &message) { return fail(place(), message); }
  /// "expected X, found 'token'".
  bool expected(const llvm::Twine &what);
  llvm::Error takeError() const;

private:
  void skip();
  std::string found();

  llvm::StringRef text_, fileName_;
  size_t at_ = 0;
  bool failed_ = false;
  size_t errorAt_ = 0;
  std::string message_;
};

} // namespace mpc::ir::detail
