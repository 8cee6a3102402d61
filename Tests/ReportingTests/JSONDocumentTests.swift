import Foundation
import Reporting
import Testing

@Suite("statuses as JSON")
struct JSONDocumentTests {
    @Test("what is written is read back the same")
    func roundTrip() throws {
        let status = StatusExample.sender
        #expect(try JSONDocument.decode(AgentStatus.self, from: JSONDocument.text(status).utf8) == status)
        #expect(try JSONDocument.decode(AgentStatus.self, from: JSONDocument.line(status).utf8) == status)
    }

    @Test("names that are not known are passed over")
    func unknownNames() throws {
        let text = try JSONDocument.line(StatusExample.empty(.sender))
        let newer = text.replacingOccurrences(of: "{\"certificates\"", with: "{\"added_later\":1,\"certificates\"")
        #expect(newer != text)
        #expect(try JSONDocument.decode(AgentStatus.self, from: newer.utf8) == StatusExample.empty(.sender))
    }

    @Test("a line is one line, and times are ISO 8601 in UTC with whole seconds")
    func line() throws {
        let line = try JSONDocument.line(StatusExample.sender)
        #expect(!line.contains("\n"))
        #expect(line.contains("\"now\":\"2026-11-21T12:00:00Z\""))
    }

    /// Scripts depend on these: one may be added, none changed or taken away.
    @Test("the names are stable")
    func names() throws {
        var status = StatusExample.sender
        var image = StatusExample.syncing
        image.lastPublished = StatusExample.inSync.lastPublished
        image.lastError = StatusExample.stopped.lastError
        image.baseAgeSeconds = 1
        image.failingSeconds = 1
        image.lastTransfer = StatusExample.inSync.lastTransfer
        image.totals.stages = StatusExample.inSync.totals.stages
        let alarmed = StatusExample.alarmed
        (image.lastProof, image.lastFullProof, image.alarm) = (alarmed.lastProof, alarmed.lastFullProof, alarmed.alarm)
        (image.isProofLate, image.nextFullProofAt) = (true, StatusExample.now)
        status.images = [image]
        status.clients = StatusExample.receiver.clients
        let object = try JSONSerialization.jsonObject(with: Data(JSONDocument.line(status).utf8))
        #expect(Self.paths(object).sorted() == Self.golden)
    }

    private static func paths(_ value: Any, below prefix: String = "") -> Set<String> {
        switch value {
        case let object as [String: Any]:
            return object.reduce(into: []) { $0.formUnion(paths($1.value, below: "\(prefix).\($1.key)")) }
        case let list as [Any] where list.contains { $0 is [String: Any] }:
            return list.reduce(into: []) { $0.formUnion(paths($1, below: "\(prefix)[]")) }
        default:
            return [prefix]
        }
    }

    private static let golden = [
        ".certificates[].expires_at", ".certificates[].file", ".clients[].bytes", ".clients[].bytes_max",
        ".clients[].connection_count", ".clients[].connection_count_max", ".clients[].image_count",
        ".clients[].image_count_max", ".clients[].name", ".configuration", ".connection_count",
        ".images[].alarm.differing[].length_bytes", ".images[].alarm.differing[].offset_bytes",
        ".images[].alarm.differing_bytes", ".images[].alarm.mirror_snapshot", ".images[].alarm.since",
        ".images[].alarm.snapshot", ".images[].base_age_seconds", ".images[].failing_seconds", ".images[].image",
        ".images[].interval_seconds",
        ".images[].is_late", ".images[].is_proof_late", ".images[].lag_seconds", ".images[].last_error.at",
        ".images[].last_error.cause", ".images[].last_error.disposition", ".images[].last_error.failure_count",
        ".images[].last_error.remedy", ".images[].last_full_proof.at", ".images[].last_full_proof.compared_bytes",
        ".images[].last_full_proof.compared_ratio", ".images[].last_full_proof.differing_bytes",
        ".images[].last_full_proof.image_bytes", ".images[].last_full_proof.mirror_snapshot",
        ".images[].last_full_proof.scope", ".images[].last_full_proof.snapshot", ".images[].last_proof.at",
        ".images[].last_proof.compared_bytes", ".images[].last_proof.compared_ratio",
        ".images[].last_proof.differing_bytes", ".images[].last_proof.image_bytes",
        ".images[].last_proof.mirror_snapshot", ".images[].last_proof.scope", ".images[].last_proof.snapshot",
        ".images[].last_published.published_at", ".images[].last_published.snapshot",
        ".images[].last_published.taken_at", ".images[].last_transfer.bottleneck",
        ".images[].last_transfer.duration_seconds", ".images[].last_transfer.stages.read_seconds",
        ".images[].next_full_proof_at", ".images[].next_run_at", ".images[].peer", ".images[].phase",
        ".images[].progress.bytes_per_second", ".images[].progress.done_bytes", ".images[].progress.fraction",
        ".images[].progress.seconds_left", ".images[].progress.wire_bytes", ".images[].state",
        ".images[].totals.content_bytes", ".images[].totals.failed_runs", ".images[].totals.published_snapshots",
        ".images[].totals.read_bytes", ".images[].totals.removed_snapshots", ".images[].totals.saved_by_resume_bytes",
        ".images[].totals.stages.read_seconds", ".images[].totals.succeeded_runs", ".images[].totals.wire_bytes",
        ".images[].warnings", ".limits.peers[].bytes_per_second", ".limits.peers[].limit_bytes_per_second",
        ".limits.peers[].passed_bytes", ".limits.peers[].peer", ".limits.reads.bytes_per_second",
        ".limits.reads.passed_bytes", ".limits.total.bytes_per_second", ".limits.total.limit_bytes_per_second",
        ".limits.total.next_change_at", ".limits.total.passed_bytes", ".now", ".problems", ".refused_connection_count",
        ".role", ".site", ".started_at", ".version", ".warnings",
    ]

    @Test("states are words")
    func states() {
        #expect(
            ImageState.allCases.map(\.rawValue) == [
                "waiting", "in sync", "syncing", "retrying", "stopped", "elsewhere",
            ])
    }
}
