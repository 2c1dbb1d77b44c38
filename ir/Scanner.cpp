//===- ir/Scanner.cpp - reads the textual form piece by piece -------------===//
#include "ir/Scanner.h"
#include "ir/TextUtil.h"
#include "llvm/ADT/StringExtras.h"

namespace mpc::ir::detail {

static bool isWordChar(char c) {
  return llvm::isAlnum(c) || c == '_' || c == '.';
}

void Scanner::skip() {
  while (at_ < text_.size()) {
    if (llvm::isSpace(text_[at_]))
      ++at_;
    else if (text_.substr(at_).starts_with("//"))
      at_ = std::min(text_.find('\n', at_), text_.size());
    else
      return;
  }
}

size_t Scanner::place() {
  skip();
  return at_;
}

bool Scanner::atEnd() { return place() == text_.size(); }

bool Scanner::peek(char c) { return !failed_ && !atEnd() && text_[at_] == c; }

bool Scanner::accept(char c) {
  if (!peek(c))
    return false;
  ++at_;
  return true;
}

bool Scanner::expect(char c) {
  return accept(c) || expected("'" + llvm::Twine(c) + "'");
}

llvm::StringRef Scanner::peekWord() {
  skip();
  if (failed_ || at_ == text_.size() ||
      !(llvm::isAlpha(text_[at_]) || text_[at_] == '_'))
    return "";
  return text_.substr(at_).take_while(isWordChar);
}

llvm::StringRef Scanner::word() {
  llvm::StringRef w = peekWord();
  at_ += w.size();
  return w;
}

bool Scanner::acceptWord(llvm::StringRef expectedWord) {
  if (peekWord() != expectedWord)
    return false;
  at_ += expectedWord.size();
  return true;
}

bool Scanner::expectWord(llvm::StringRef w) {
  return acceptWord(w) || expected("'" + w + "'");
}

template <class T>
static bool readNumber(Scanner &s, llvm::StringRef rest, size_t &at, T &value,
                       llvm::StringRef what) {
  size_t used = parseNumberPrefix(rest, value);
  if (used == 0)
    return s.expected(what);
  at += used;
  return true;
}

bool Scanner::integer(int64_t &value) {
  skip();
  return readNumber(*this, text_.substr(at_), at_, value, "an integer");
}

bool Scanner::real(double &value) {
  skip();
  return readNumber(*this, text_.substr(at_), at_, value, "a number");
}

bool Scanner::real(float &value) {
  skip();
  return readNumber(*this, text_.substr(at_), at_, value, "a number");
}

bool Scanner::number(Attr &value) {
  skip();
  llvm::StringRef token = text_.substr(at_).take_while(
      [](char c) { return isWordChar(c) || c == '-' || c == '+'; });
  if (token.find_first_of(".enaif") == llvm::StringRef::npos) {
    int64_t i = 0;
    return integer(i) && (value = i, true);
  }
  double d = 0;
  return real(d) && (value = d, true);
}

bool Scanner::quoted(std::string &value) {
  if (!peek('"'))
    return expected("a text in quotes");
  size_t open = at_++;
  value.clear();
  for (; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c != '\\') {
      value += c;
      continue;
    }
    llvm::StringRef escape = text_.substr(at_ + 1, 2);
    if (escape.starts_with("\"") || escape.starts_with("\\")) {
      value += escape[0];
      at_ += 1;
    } else if (escape.size() == 2 && llvm::isHexDigit(escape[0]) &&
               llvm::isHexDigit(escape[1])) {
      value += static_cast<char>(llvm::hexFromNibbles(escape[0], escape[1]));
      at_ += 2;
    } else {
      return fail(at_, "unknown escape; write \\\", \\\\ or \\ and two "
                       "hexadecimal digits");
    }
  }
  return fail(open, "the text does not end on its line");
}

bool Scanner::startsStorage() {
  skip();
  if (failed_ || !text_.substr(at_).starts_with("0x"))
    return false;
  at_ += 2;
  return true;
}

llvm::StringRef Scanner::takeWhile(llvm::function_ref<bool(char)> pred) {
  if (failed_)
    return "";
  llvm::StringRef taken = text_.substr(at_).take_while(pred);
  at_ += taken.size();
  return taken;
}

bool Scanner::fail(size_t at, const llvm::Twine &message) {
  if (!failed_) {
    failed_ = true;
    errorAt_ = at;
    message_ = message.str();
  }
  return false;
}

std::string Scanner::found() {
  if (atEnd())
    return "the end of the file";
  llvm::StringRef w = text_.substr(at_).take_while(isWordChar).take_front(40);
  if (w.empty())
    w = text_.substr(at_, 1);
  if (!llvm::isPrint(w[0]))
    return "byte 0x" + llvm::utohexstr(static_cast<uint8_t>(w[0]), true);
  return ("'" + w + "'").str();
}

bool Scanner::expected(const llvm::Twine &what) {
  if (failed_)
    return false;
  return fail(place(), "expected " + what + ", found " + found());
}

llvm::Error Scanner::takeError() const {
  assert(failed_);
  llvm::StringRef before = text_.take_front(errorAt_);
  size_t line = before.count('\n') + 1;
  size_t newline = before.rfind('\n');
  size_t column =
      newline == llvm::StringRef::npos ? errorAt_ + 1 : errorAt_ - newline;
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 fileName_ + ":" + llvm::Twine(line) + ":" +
                                     llvm::Twine(column) +
                                     ": error: " + message_);
}

} // namespace mpc::ir::detail
