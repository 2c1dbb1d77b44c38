#include "frontend/ModelFile.h"
#include "frontend/Support.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <bit>
#include <climits>
#include <cstring>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace mpc::frontend {

using namespace mpcc_onnx;

static_assert(std::endian::native == std::endian::little,
              "raw_data is little endian");

llvm::Expected<ModelFile> ModelFile::open(llvm::StringRef path) {
  ModelFile m;
  m.path_ = path.str();
  auto fail = [&](const llvm::Twine &why) {
    return makeError(path + ": error: " + why);
  };
  auto file = core::MappedFile::open(m.path_);
  if (!file)
    return fail("cannot read the model: " + file.error().message);
  if (file->size() > INT_MAX)
    return fail("larger than 2 GiB, which protobuf cannot hold; save its "
                "weights as external data");
  google::protobuf::io::ArrayInputStream bytes(file->bytes().data(),
                                               static_cast<int>(file->size()));
  google::protobuf::io::CodedInputStream in(&bytes);
  in.SetTotalBytesLimit(INT_MAX);
  if (!m.proto_.ParsePartialFromCodedStream(&in) || !in.ConsumedEntireMessage())
    return fail("not an ONNX model, or truncated (protobuf does not parse)");
  if (!m.proto_.has_graph())
    return fail("not an ONNX model (it has no graph)");
  return m;
}

llvm::Expected<ir::ConstData> tensorHeader(const TensorProto &t) {
  auto elem = elemOf(t.data_type());
  if (!elem)
    return makeError("element type " + onnxTypeName(t.data_type()) +
                     " is not supported");
  ir::ConstData d;
  d.elem = *elem;
  d.shape.assign(t.dims().begin(), t.dims().end());
  if (!usableShape(d.shape))
    return makeError("impossible shape " + listStr(d.shape));
  if (t.has_segment())
    return makeError("segmented tensors are not supported");
  return d;
}

static size_t elementBytes(int32_t type) {
  switch (type) {
  case kUint8:
  case kInt8:
  case kBool:
    return 1;
  case kUint16:
  case kInt16:
  case kFloat16:
  case kBfloat16:
    return 2;
  case kInt64:
  case kUint64:
  case kDouble:
    return 8;
  default:
    return 4;
  }
}

template <class T, class F>
static void widen(std::span<const uint8_t> raw, size_t n, F store) {
  for (size_t i = 0; i < n; ++i) {
    T v;
    std::memcpy(&v, raw.data() + i * sizeof(T), sizeof(T));
    store(v);
  }
}

static float bfloatToFloat(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

/// Fills `d` from packed bytes; `raw` has exactly n elements.
static void fromRaw(std::span<const uint8_t> raw, int32_t type, size_t n,
                    ir::ConstData &d) {
  auto toInt = [&](auto v) { d.ints.push_back(static_cast<int64_t>(v)); };
  auto toFloat = [&](auto v) { d.floats.push_back(static_cast<float>(v)); };
  (d.elem == ir::Elem::F32 ? d.floats.reserve(n) : d.ints.reserve(n));
  switch (type) {
  case kFloat:
    d.floats.resize(n);
    if (n)
      std::memcpy(d.floats.data(), raw.data(), n * sizeof(float));
    return;
  case kDouble:
    return widen<double>(raw, n, toFloat);
  case kFloat16:
    return widen<uint16_t>(raw, n,
                           [&](uint16_t v) { toFloat(core::halfToFloat(v)); });
  case kBfloat16:
    return widen<uint16_t>(raw, n,
                           [&](uint16_t v) { toFloat(bfloatToFloat(v)); });
  case kBool:
    return widen<uint8_t>(raw, n, [&](uint8_t v) { toInt(v != 0); });
  case kUint8:
    return widen<uint8_t>(raw, n, toInt);
  case kInt8:
    return widen<int8_t>(raw, n, toInt);
  case kUint16:
    return widen<uint16_t>(raw, n, toInt);
  case kInt16:
    return widen<int16_t>(raw, n, toInt);
  case kUint32:
    return widen<uint32_t>(raw, n, toInt);
  case kInt32:
    return widen<int32_t>(raw, n, toInt);
  default:
    return widen<int64_t>(raw, n, toInt);
  }
}

/// Fills `d` from the typed fields; false if they hold another count.
static bool fromFields(const TensorProto &t, int64_t n, ir::ConstData &d) {
  auto copy = [&](const auto &field, auto convert) {
    if (field.size() != n)
      return false;
    for (auto v : field)
      convert(v);
    return true;
  };
  auto toInt = [&](auto v) { d.ints.push_back(static_cast<int64_t>(v)); };
  auto toFloat = [&](auto v) { d.floats.push_back(static_cast<float>(v)); };
  auto half = [](int32_t v) { return static_cast<uint16_t>(v); };
  switch (t.data_type()) {
  case kFloat:
    return copy(t.float_data(), toFloat);
  case kDouble:
    return copy(t.double_data(), toFloat);
  case kInt64:
    return copy(t.int64_data(), toInt);
  case kUint32:
  case kUint64:
    return copy(t.uint64_data(), toInt);
  case kFloat16:
    return copy(t.int32_data(),
                [&](int32_t v) { toFloat(core::halfToFloat(half(v))); });
  case kBfloat16:
    return copy(t.int32_data(),
                [&](int32_t v) { toFloat(bfloatToFloat(half(v))); });
  case kBool:
    return copy(t.int32_data(), [&](int32_t v) { toInt(v != 0); });
  default:
    return copy(t.int32_data(), toInt);
  }
}

llvm::Expected<std::span<const uint8_t>>
ModelFile::externalBytes(const TensorProto &t) {
  std::string location;
  uint64_t offset = 0, length = 0;
  bool hasLength = false;
  for (const auto &e : t.external_data()) {
    llvm::StringRef value = e.value();
    if (e.key() == "location")
      location = e.value();
    else if (e.key() == "offset" && value.getAsInteger(10, offset))
      return makeError("external data: bad offset '" + value + "'");
    else if (e.key() == "length") {
      if (value.getAsInteger(10, length))
        return makeError("external data: bad length '" + value + "'");
      hasLength = true;
    }
  }
  if (location.empty())
    return makeError("external data without a location");
  if (llvm::sys::path::is_absolute(location) || location[0] == '\\')
    return makeError("external data location '" + location +
                     "' is absolute; it must be relative to the model");
  for (auto part : llvm::make_range(llvm::sys::path::begin(location),
                                    llvm::sys::path::end(location)))
    if (part == "..")
      return makeError("external data location '" + location +
                       "' leaves the model's directory");
  auto it = external_.find(location);
  if (it == external_.end()) {
    llvm::SmallString<128> full(llvm::sys::path::parent_path(path_));
    llvm::sys::path::append(full, location);
    auto file = core::MappedFile::open(std::string(full));
    if (!file)
      return makeError("external data: " + file.error().message);
    it = external_.try_emplace(location, std::move(*file)).first;
  }
  auto all = it->second.bytes();
  if (offset > all.size() || (hasLength && length > all.size() - offset))
    return makeError("external data: bytes " + llvm::Twine(offset) + " to " +
                     llvm::Twine(offset + length) + " of '" + location +
                     "', which has " + llvm::Twine(all.size()));
  return all.subspan(offset, hasLength ? length : all.size() - offset);
}

llvm::Expected<ir::ConstData> ModelFile::read(TensorProto &t, bool release) {
  auto header = tensorHeader(t);
  if (!header)
    return header;
  ir::ConstData d = std::move(*header);
  const int64_t n = *ir::checkedNumel(d.shape);
  const uint64_t expected = n * elementBytes(t.data_type());
  const bool external = t.data_location() == TensorProto::EXTERNAL;
  if (external || t.has_raw_data()) {
    std::span<const uint8_t> raw{
        reinterpret_cast<const uint8_t *>(t.raw_data().data()),
        t.raw_data().size()};
    if (external) {
      auto bytes = externalBytes(t);
      if (!bytes)
        return bytes.takeError();
      raw = *bytes;
    }
    bool lengthGiven = !external;
    for (const auto &e : t.external_data())
      lengthGiven |= e.key() == "length";
    if (raw.size() < expected || (lengthGiven && raw.size() != expected))
      return makeError("shape " + shapeStr(d.shape) + " of " +
                       onnxTypeName(t.data_type()) + " takes " +
                       llvm::Twine(expected) + " bytes, got " +
                       llvm::Twine(raw.size()));
    fromRaw(raw, t.data_type(), n, d);
  } else if (!fromFields(t, n, d)) {
    return makeError("shape " + shapeStr(d.shape) + " needs " + llvm::Twine(n) +
                     " values, the tensor holds another "
                     "number of them");
  }
  if (release) {
    t.clear_raw_data();
    t.clear_float_data();
  }
  return d;
}

llvm::Expected<ir::ConstData> fromNpy(const core::NpyArray &a, ir::Elem elem) {
  ir::ConstData d;
  d.elem = elem;
  d.shape.assign(a.shape.begin(), a.shape.end());
  if (elem == ir::Elem::F32) {
    auto v = core::toFloat32(a, core::NonFinite::Allow);
    if (!v)
      return makeError(v.error().message);
    d.floats = std::move(*v);
    return d;
  }
  auto v = core::toInt64(a);
  if (!v)
    return makeError(v.error().message);
  d.ints = std::move(*v);
  if (elem == ir::Elem::Bool)
    for (int64_t x : d.ints)
      if (x != 0 && x != 1)
        return makeError("a Boolean array holds " + llvm::Twine(x));
  return d;
}

} // namespace mpc::frontend
