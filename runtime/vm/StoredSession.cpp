//===- runtime/vm/StoredSession.cpp ---------------------------------------===//
#include "runtime/vm/StoredSession.h"

#include <fmt/format.h>

namespace mpc::vm {
namespace {

class FileStore final : public proto::MaterialStore {
public:
  explicit FileStore(material::MaterialWriter &to) : to_(to) {}
  Status put(size_t n, const Fill &fill) override { return to_.put(n, fill); }

private:
  material::MaterialWriter &to_;
};

class FileSource final : public proto::MaterialSource {
public:
  explicit FileSource(material::MaterialReader &from) : from_(from) {}
  Result<std::span<const uint8_t>> take(size_t n) override {
    return from_.take(n);
  }

private:
  material::MaterialReader &from_;
};

uint64_t payloadBytes(const plan::Plan &plan, int party) {
  return EvaluatorSession::kSecretBytes + materialBytes(plan, party);
}

} // namespace

Result<core::Digest>
storeSession(const OpenSession &open, int party,
             const EvaluatorDeployment &deployment, net::Channel &p0,
             net::Channel &peer, kernels::ThreadPool &pool,
             const PartyOptions &options, const std::string &path,
             material::ChunkSeal *seal, PartyReport &report) {
  auto session = open.begin(party, p0, peer, options.token, report);
  if (!session)
    return session.error();
  const plan::Plan &plan = open.plan();
  auto writer = material::MaterialWriter::create(
      path, {open.file().hash(), session->id, static_cast<uint8_t>(party)},
      payloadBytes(plan, party), seal);
  if (!writer)
    return writer.error();
  MPC_TRY(writer->put(session->secrets.span()));
  FileStore store(*writer);
  MPC_TRY(evaluatorOffline(plan, party, deployment, *session, p0, pool, store,
                           report));
  MPC_TRY(writer->commit());
  report.offlineEndNs = nowNs();
  return session->id;
}

Result<StoredSession> openSession(const plan::Plan &plan, int party,
                                  const std::string &path,
                                  material::ChunkSeal *seal) {
  auto reader = material::MaterialReader::open(path, seal);
  if (!reader)
    return reader.error();
  const auto bad = [&](std::string_view what) {
    return Error{fmt::format("{}: {}", path, what)};
  };
  if (reader->id().plan != plan.hash())
    return bad("the material is of another plan");
  if (reader->id().party != party)
    return bad(fmt::format("the material is party {}'s", reader->id().party));
  if (reader->bytesLeft() != payloadBytes(plan, party))
    return bad("the material has another size than the plan needs");
  auto secrets = reader->take(EvaluatorSession::kSecretBytes);
  if (!secrets)
    return secrets.error();
  EvaluatorSession session =
      EvaluatorSession::restore(*secrets, reader->id().session);
  return StoredSession{std::move(session), std::move(*reader)};
}

Status serveSession(const plan::Plan &plan, int party,
                    const EvaluatorDeployment &deployment, StoredSession stored,
                    material::SpentLog &spent, net::Channel &peer,
                    net::Channel &client, kernels::ThreadPool &pool,
                    const PartyOptions &options, PartyReport &report) {
  peer.setContext("session from stored material");
  const core::Digest &own = stored.session.id;
  core::Digest theirs;
  MPC_TRY(peer.exchange(own, theirs));
  if (theirs != own)
    return peer.errorAbout(fmt::format(
        "has material of session {}, this party of {}",
        core::hex(theirs).substr(0, 16), core::hex(own).substr(0, 16)));
  // Durable before the first byte that a mask of the session went into.
  MPC_TRY(spent.spend(own));
  FileSource source(stored.material);
  return evaluatorOnline(plan, party, deployment, stored.session, peer, client,
                         pool, options, source, report);
}

} // namespace mpc::vm
