//===- runtime/core/Npy.cpp - .npy parsing and writing --------------------===//
// Format: numpy.lib.format (NEP 1). The header is a Python dict literal with
// exactly the keys 'descr', 'fortran_order' and 'shape'.
#include "runtime/core/Npy.h"

#include "runtime/core/File.h"
#include "runtime/core/Secret.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <optional>

namespace mpc::core {
namespace {

static_assert(std::endian::native == std::endian::little);

struct DTypeInfo {
  DType type;
  const char *code; // numpy's kind and size
  const char *name;
  uint8_t size;
};
constexpr DTypeInfo kDTypes[] = {
    {DType::Bool, "b1", "bool", 1},   {DType::I8, "i1", "int8", 1},
    {DType::U8, "u1", "uint8", 1},    {DType::I16, "i2", "int16", 2},
    {DType::U16, "u2", "uint16", 2},  {DType::I32, "i4", "int32", 4},
    {DType::U32, "u4", "uint32", 4},  {DType::I64, "i8", "int64", 8},
    {DType::U64, "u8", "uint64", 8},  {DType::F16, "f2", "float16", 2},
    {DType::F32, "f4", "float32", 4}, {DType::F64, "f8", "float64", 8},
};

const DTypeInfo &infoOf(DType t) {
  const DTypeInfo &i = kDTypes[static_cast<size_t>(t)];
  assert(i.type == t);
  return i;
}

/// numpy's own limit.
constexpr size_t kMaxRank = 64;
constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicSize = 6;

struct Header {
  DType dtype = DType::F32;
  bool bigEndian = false;
  bool fortran = false;
  Shape shape;
};

/// The dict literal. Each function skips leading blanks and says whether it
/// could; the first complaint is kept.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : s_(text) {}

  Result<Header> parse() {
    if (!dict())
      return Error{error_.empty() ? "the header is not a dict of 'descr', "
                                    "'fortran_order' and 'shape'"
                                  : error_};
    return header_;
  }

private:
  bool dict() {
    bool descr = false, order = false, shape = false;
    if (!eat('{'))
      return false;
    while (!eat('}')) {
      std::optional<std::string_view> key = quoted();
      if (!key || !eat(':'))
        return false;
      bool *seen = *key == "descr"           ? &descr
                   : *key == "fortran_order" ? &order
                   : *key == "shape"         ? &shape
                                             : nullptr;
      if (!seen)
        return complain(fmt::format("unknown header key '{}'", *key));
      if (std::exchange(*seen, true))
        return complain(fmt::format("header key '{}' given twice", *key));
      if (!(seen == &descr   ? parseDescr()
            : seen == &order ? parseOrder()
                             : parseShape()))
        return false;
      if (!eat(',') && peek() != '}')
        return false;
    }
    return descr && order && shape && peek() == '\0';
  }

  bool parseDescr() {
    if (peek() == '[' || peek() == '(' || peek() == '{')
      return complain("structured dtypes are not supported");
    std::optional<std::string_view> d = quoted();
    if (!d)
      return false;
    if (d->find('O') != std::string_view::npos)
      return complain("object arrays (pickles) are not supported");
    if (d->size() == 3)
      for (const DTypeInfo &i : kDTypes)
        if (d->substr(1) == i.code) {
          char order = d->front();
          if (order == '|' ? i.size != 1
                           : order != '<' && order != '>' && order != '=')
            break;
          header_.dtype = i.type;
          header_.bigEndian = order == '>';
          return true;
        }
    return complain(fmt::format("dtype '{}' is not supported", *d));
  }

  bool parseOrder() {
    if (word("True"))
      return header_.fortran = true;
    header_.fortran = false;
    return word("False");
  }

  bool parseShape() {
    if (!eat('('))
      return false;
    bool comma = true;
    while (!eat(')')) {
      std::optional<int64_t> d;
      if (!comma || !(d = number()))
        return false;
      header_.shape.push_back(*d);
      if (header_.shape.size() > kMaxRank)
        return complain(fmt::format("more than {} dimensions", kMaxRank));
      comma = eat(',');
    }
    // "(3)" is a parenthesised number in Python, not a tuple.
    return header_.shape.size() != 1 || comma;
  }

  std::optional<int64_t> number() {
    char c = peek();
    if (c == '-') {
      complain("the shape has a negative size");
      return std::nullopt;
    }
    int64_t v = 0;
    size_t digits = 0;
    for (; pos_ < s_.size() && s_[pos_] >= '0' && s_[pos_] <= '9';
         ++pos_, ++digits)
      if (__builtin_mul_overflow(v, int64_t{10}, &v) ||
          __builtin_add_overflow(v, int64_t{s_[pos_] - '0'}, &v)) {
        complain("a size in the shape exceeds 63 bits");
        return std::nullopt;
      }
    if (digits == 0)
      return std::nullopt;
    if (pos_ < s_.size() && s_[pos_] == 'L') // Python 2 wrote long literals
      ++pos_;
    return v;
  }

  std::optional<std::string_view> quoted() {
    char q = peek();
    if (q != '\'' && q != '"')
      return std::nullopt;
    size_t end = s_.find(q, pos_ + 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string_view v = s_.substr(pos_ + 1, end - pos_ - 1);
    pos_ = end + 1;
    return v;
  }

  bool word(std::string_view w) {
    peek();
    if (s_.substr(pos_, w.size()) != w)
      return false;
    pos_ += w.size();
    return true;
  }

  char peek() {
    while (pos_ < s_.size() &&
           (s_[pos_] == ' ' || s_[pos_] == '\n' || s_[pos_] == '\t'))
      ++pos_;
    return pos_ < s_.size() ? s_[pos_] : '\0';
  }
  bool eat(char c) {
    if (peek() != c)
      return false;
    ++pos_;
    return true;
  }
  bool complain(std::string what) {
    if (error_.empty())
      error_ = std::move(what);
    return false;
  }

  std::string_view s_;
  size_t pos_ = 0;
  Header header_;
  std::string error_;
};

void swapBytes(std::vector<uint8_t> &bytes, size_t size) {
  for (size_t i = 0; i + size <= bytes.size(); i += size)
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(i),
                 bytes.begin() + static_cast<ptrdiff_t>(i + size));
}

/// Column-major to row-major. Precondition: not empty.
std::vector<uint8_t> toCOrder(std::span<const uint8_t> in, const Shape &shape,
                              size_t size) {
  std::vector<uint8_t> out(in.size());
  Shape index(shape.size(), 0);
  Strides stride(shape.size());
  int64_t step = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    stride[d] = step;
    step *= shape[d];
  }
  size_t from = 0;
  for (size_t to = 0; to < out.size(); to += size) {
    std::memcpy(out.data() + to, in.data() + from * size, size);
    for (size_t d = shape.size(); d-- > 0;) {
      from += static_cast<size_t>(stride[d]);
      if (++index[d] < shape[d])
        break;
      from -= static_cast<size_t>(stride[d] * shape[d]);
      index[d] = 0;
    }
  }
  return out;
}

} // namespace

size_t dtypeSize(DType t) { return infoOf(t).size; }
std::string_view dtypeName(DType t) { return infoOf(t).name; }

Result<NpyArray> parseNpy(std::span<const uint8_t> bytes,
                          const std::string &path) {
  auto error = [&](std::string_view what) {
    return Error{fmt::format("{}: not a usable .npy file: {}", path, what)};
  };
  if (bytes.size() < kMagicSize + 2 ||
      std::memcmp(bytes.data(), kMagic, kMagicSize) != 0)
    return error("it does not start with \\x93NUMPY");
  unsigned major = bytes[kMagicSize], minor = bytes[kMagicSize + 1];
  if (major < 1 || major > 3 || minor != 0)
    return error(fmt::format("unknown version {}.{}", major, minor));
  size_t lengthBytes = major == 1 ? 2 : 4, pos = kMagicSize + 2;
  if (bytes.size() - pos < lengthBytes)
    return error("it ends within its header");
  size_t headerSize = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    headerSize |= size_t{bytes[pos + i]} << (8 * i);
  pos += lengthBytes;
  if (bytes.size() - pos < headerSize)
    return error("it ends within its header");

  std::string_view text(reinterpret_cast<const char *>(bytes.data()) + pos,
                        headerSize);
  Result<Header> header = HeaderParser(text).parse();
  if (!header)
    return error(header.error().message);
  std::span<const uint8_t> data = bytes.subspan(pos + headerSize);

  size_t size = dtypeSize(header->dtype);
  std::optional<int64_t> n = checkedNumel(header->shape);
  uint64_t wanted;
  if (!n || __builtin_mul_overflow(static_cast<uint64_t>(*n), size, &wanted))
    return error(
        fmt::format("shape {} has too many elements", toString(header->shape)));
  if (wanted != data.size())
    return error(fmt::format("{} of shape {} takes {} bytes, the file holds {}",
                             dtypeName(header->dtype), toString(header->shape),
                             wanted, data.size()));

  NpyArray a{header->dtype, std::move(header->shape), {}};
  if (header->fortran && a.shape.size() > 1 && !data.empty())
    a.bytes = toCOrder(data, a.shape, size);
  else
    a.bytes.assign(data.begin(), data.end());
  if (header->bigEndian && size > 1)
    swapBytes(a.bytes, size);
  if (a.dtype == DType::Bool)
    for (uint8_t &b : a.bytes)
      b = b != 0; // any other value in a C++ bool is undefined
  return a;
}

Result<NpyArray> readNpy(const std::string &path) {
  Result<std::vector<uint8_t>> bytes = readRegularFile(path);
  if (!bytes)
    return bytes.error();
  Result<NpyArray> array = parseNpy(*bytes, path);
  wipe(bytes->data(), bytes->size()); // may be a client's input
  return array;
}

std::vector<uint8_t> serializeNpy(const NpyArray &a) {
  const DTypeInfo &info = infoOf(a.dtype);
  assert(a.shape.size() <= kMaxRank);
  assert(static_cast<size_t>(numel(a.shape)) * info.size == a.bytes.size());
  std::string header = fmt::format(
      "{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}",
      info.size == 1 ? '|' : '<', info.code, fmt::join(a.shape, ", "),
      a.shape.size() == 1 ? "," : "");
  // The data start at a multiple of 64, so that a mapped file is aligned.
  constexpr size_t kFixed = kMagicSize + 2 + 2;
  size_t total = (kFixed + header.size() + 1 + 63) / 64 * 64;
  header.append(total - kFixed - header.size() - 1, ' ');
  header += '\n';

  std::string start = kMagic;
  start += '\1';
  start += '\0';
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  start += header;
  std::vector<uint8_t> out(total + a.bytes.size());
  std::copy(start.begin(), start.end(), out.begin());
  std::copy(a.bytes.begin(), a.bytes.end(),
            out.begin() + static_cast<ptrdiff_t>(total));
  return out;
}

Status writeNpy(const std::string &path, const NpyArray &array, unsigned mode) {
  std::vector<uint8_t> bytes = serializeNpy(array);
  Status written = writeFile(path, bytes, mode);
  wipe(bytes.data(), bytes.size()); // may be a client's answer
  return written;
}

} // namespace mpc::core
