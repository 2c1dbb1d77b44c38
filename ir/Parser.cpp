//===- ir/Parser.cpp - a module from its text -----------------------------===//
//
//   module  = 'module' '@' name 'level' '(' word ')' '{' op* return '}'
//   op      = '%' n '=' mnemonic [value (',' value)*] [attrs] ':' type
//             ['range' '(' real ',' real ')'] ['loc' '(' text ')']
//   attrs   = '{' key '=' attr (',' key '=' attr)* '}'
//   return  = 'return' [value 'as' text ':' elem (',' ...)*]
//
// Attributes, constants and types: ParserValues.cpp. The text may come from
// anywhere: nothing here asserts on it, and memory is bounded by its length
// (splat constants: by kMaxSplatElements).
//
//===----------------------------------------------------------------------===//
#include "ir/ParserValues.h"
#include "ir/Text.h"
#include "ir/Verifier.h"
#include "llvm/ADT/StringExtras.h"

namespace mpc::ir {
namespace {

using detail::Scanner;

class Parser {
public:
  Parser(llvm::StringRef text, llvm::StringRef fileName)
      : scan_(text, fileName), values_(scan_) {}

  llvm::Expected<Module> run() {
    if (!parse() || !check())
      return scan_.takeError();
    return std::move(m_);
  }

private:
  bool parse() {
    if (!header())
      return false;
    while (scan_.peek('%'))
      if (!op())
        return false;
    if (!outputs() || !scan_.expect('}'))
      return false;
    return scan_.atEnd() || scan_.expected("the end of the file");
  }

  /// The verifier's complaint, at the line of the guilty op.
  bool check() {
    std::optional<Violation> v = firstViolation(m_);
    if (!v)
      return true;
    if (!v->op.valid())
      return scan_.fail(returnAt_, v->message);
    llvm::StringRef mnemonic = info(m_.op(v->op).opcode).mnemonic;
    return scan_.fail(opAt_[v->op.index], "'" + mnemonic + "' " + v->message);
  }

  bool header() {
    if (!scan_.expectWord("module") || !scan_.expect('@'))
      return false;
    std::string moduleName;
    if (scan_.peek('"')) {
      if (!scan_.quoted(moduleName))
        return false;
    } else {
      moduleName = scan_.takeWhile([](char c) {
        return llvm::isAlnum(c) || c == '_' || c == '.' || c == '-';
      });
      if (moduleName.empty())
        return scan_.expected("a name");
    }
    if (!scan_.expectWord("level") || !scan_.expect('('))
      return false;
    for (Level level : {Level::Tensor, Level::Fixed, Level::Share})
      if (scan_.acceptWord(name(level))) {
        m_ = Module(std::move(moduleName), level);
        return scan_.expect(')') && scan_.expect('{');
      }
    return scan_.expected("tensor, fixed or share");
  }

  /// "%12", a number: dense or not, only uniqueness counts.
  bool valueName(uint32_t &number) {
    size_t at = scan_.place();
    if (!scan_.expect('%'))
      return false;
    llvm::StringRef digits =
        scan_.takeWhile([](char c) { return llvm::isDigit(c); });
    if (digits.empty())
      return scan_.fail(at, "expected a number after '%'");
    // The largest values serve DenseMap as marks.
    if (digits.getAsInteger(10, number) || number > 0x7fffffff)
      return scan_.fail(at, "'%" + digits + "' is too large");
    return true;
  }

  bool use(ValueId &value) {
    size_t at = scan_.place();
    uint32_t number = 0;
    if (!valueName(number))
      return false;
    auto it = byNumber_.find(number);
    if (it == byNumber_.end())
      return scan_.fail(at, "%" + llvm::Twine(number) +
                                " is used before it is defined");
    value = it->second;
    return true;
  }

  bool op() {
    size_t at = scan_.place();
    uint32_t number = 0;
    if (!valueName(number))
      return false;
    if (byNumber_.count(number))
      return scan_.fail(at, "%" + llvm::Twine(number) + " is defined twice");
    if (!scan_.expect('='))
      return false;
    size_t mnemonicAt = scan_.place();
    llvm::StringRef mnemonic = scan_.word();
    std::optional<Opcode> opcode = opcodeByMnemonic(mnemonic);
    if (!opcode)
      return mnemonic.empty()
                 ? scan_.expected("an operation")
                 : scan_.fail(mnemonicAt,
                              "there is no operation '" + mnemonic + "'");
    llvm::SmallVector<ValueId, 4> operands;
    if (scan_.peek('%'))
      do
        if (!use(operands.emplace_back()))
          return false;
      while (scan_.accept(','));
    std::vector<std::pair<std::string, Attr>> attrs;
    Type type;
    if (!attributes(attrs) || !scan_.expect(':') || !values_.type(type))
      return false;
    ValueId v = m_.append(*opcode, operands, std::move(type));
    for (auto &[key, value] : attrs)
      m_.op(v).setAttr(key, std::move(value));
    byNumber_[number] = v;
    opAt_.push_back(mnemonicAt);
    return range(m_.op(v)) && location(m_.op(v));
  }

  bool attributes(std::vector<std::pair<std::string, Attr>> &attrs) {
    if (!scan_.accept('{'))
      return true;
    do {
      size_t at = scan_.place();
      llvm::StringRef key = scan_.word();
      if (key.empty())
        return scan_.expected("an attribute");
      for (const auto &other : attrs)
        if (other.first == key)
          return scan_.fail(at, "attribute '" + key + "' is given twice");
      Attr value;
      if (!scan_.expect('=') || !values_.attr(m_, value))
        return false;
      attrs.emplace_back(key.str(), std::move(value));
    } while (scan_.accept(','));
    return scan_.expect('}');
  }

  bool range(Op &op) {
    if (!scan_.acceptWord("range"))
      return true;
    std::pair<double, double> r;
    if (!scan_.expect('(') || !scan_.real(r.first) || !scan_.expect(',') ||
        !scan_.real(r.second) || !scan_.expect(')'))
      return false;
    op.range = r;
    return true;
  }

  bool location(Op &op) {
    if (!scan_.acceptWord("loc"))
      return true;
    return scan_.expect('(') && scan_.quoted(op.loc) && scan_.expect(')');
  }

  bool outputs() {
    returnAt_ = scan_.place();
    if (!scan_.expectWord("return"))
      return false;
    if (!scan_.peek('%'))
      return true;
    do {
      Output out;
      if (!use(out.value) || !scan_.expectWord("as") ||
          !scan_.quoted(out.name) || !scan_.expect(':') ||
          !values_.elem(out.elem))
        return false;
      m_.outputs().push_back(std::move(out));
    } while (scan_.accept(','));
    return true;
  }

  Scanner scan_;
  detail::ValueParser values_;
  Module m_;
  llvm::DenseMap<uint32_t, ValueId> byNumber_;
  std::vector<size_t> opAt_; ///< place of the mnemonic, by value
  size_t returnAt_ = 0;
};

} // namespace

llvm::Expected<Module> parse(llvm::StringRef text, llvm::StringRef fileName) {
  return Parser(text, fileName).run();
}

} // namespace mpc::ir
