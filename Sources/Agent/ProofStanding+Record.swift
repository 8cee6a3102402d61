import FerryCore
import Foundation
import Planning
import Reporting

extension ProofStanding {
    /// What a record says, for people.
    init(_ record: ProofRecord) {
        self.init(
            last: record.last.map(ProofStatus.init), lastFull: record.lastFull.map(ProofStatus.init),
            alarm: record.alarm.map(ProofAlarmStatus.init))
    }
}

extension ProofStatus {
    fileprivate init(_ proof: ProofSummary) {
        self.init(
            snapshot: proof.snapshot.name, mirrorSnapshot: proof.mirror.name,
            at: Date(timeIntervalSince1970: Double(proof.atSeconds)), scope: proof.scope,
            imageBytes: proof.imageByteCount, comparedBytes: proof.comparedByteCount,
            differingBytes: proof.differingByteCount)
    }
}

extension ProofAlarmStatus {
    fileprivate init(_ alarm: ProofAlarm) {
        self.init(
            since: Date(timeIntervalSince1970: Double(alarm.sinceSeconds)), snapshot: alarm.snapshot.name,
            mirrorSnapshot: alarm.mirror.name, differingBytes: alarm.differingByteCount,
            differing: alarm.differing.map { Range($0) })
    }
}

extension ProofRecord {
    /// When every byte was proven last.
    var lastFullAt: Date? { lastFull.map { Date(timeIntervalSince1970: Double($0.atSeconds)) } }
}
