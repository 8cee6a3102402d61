public import Engine
import FerryCore
import Logging
import Reporting

extension LaneAgent {
    /// Tells the log how a run ended.
    func log(_ key: LaneKey, _ result: Result<LaneRun.Outcome, any Error>, _ duration: Duration) {
        let logger = environment.logger
        switch result {
        case .success(let outcome):
            for step in outcome.steps {
                logger.info(
                    "\(key.image)@\(step.target.name) \(step.wasPublished ? "is" : "published") on \(key.peer)",
                    metadata: [
                        "base": "\(step.base?.name ?? "none")", "read_bytes": "\(step.counts.readByteCount)",
                        "sent_bytes": "\(step.counts.sentByteCount)",
                        "saved_by_resume_bytes": "\(step.counts.savedContentByteCount)", "duration": "\(duration)",
                    ])
            }
            logPruning(key, outcome.pruning)
            for warning in outcome.diffWarnings ?? [] { logger.warning("\(key.image): \(warning)") }
            if let proof = outcome.proof { logProof(key, proof) }
        case .failure(is CancellationError):
            logger.info("\(key.image) to \(key.peer) was interrupted; it goes on where it stopped")
        case .failure(let error as LeaseHeldElsewhere):
            logger.debug("\(key.image): \(error.cause)")
        case .failure(let error):
            let failure = error as? any Failure
            logger.error(
                "\(key.image) to \(key.peer): \(error.oneLine)", metadata: ["remedy": "\(failure?.remedy ?? "")"])
        }
    }

    /// Tells the log what retention did, or why it could not.
    func logPruning(_ key: LaneKey, _ pruning: LaneRun.Pruning) {
        let logger = environment.logger
        switch pruning {
        case .success(let result) where !result.removed.isEmpty:
            logger.info(
                "removed \(result.removed.count) snapshots of \(key.image)",
                metadata: ["snapshots": "\(result.removed.map(\.name).joined(separator: " "))"])
        case .success, .failure(is CancellationError): break
        case .failure(let error): logger.warning("old snapshots of \(key.image) stay: \(error.oneLine)")
        }
    }

    /// Tells the log what a proof showed, or why there was none.
    func logProof(_ key: LaneKey, _ result: Result<ProofReport, any Error>) {
        let logger = environment.logger
        switch result {
        case .success(let report) where report.differingByteCount > 0:
            let first = report.differing.prefix(3).map { "\($0.offset)+\($0.byteCount)" }.joined(separator: " ")
            logger.error(
                "\(key.image)@\(report.snapshot.name) DIFFERS on \(key.peer): \(report.differingByteCount) bytes, at \(first)",
                metadata: ["remedy": "\(ProofReport.remedy(image: key.image, peer: key.peer))"])
        case .success(let report) where report.isComplete:
            logger.info(
                "\(key.image)@\(report.snapshot.name) is equal on \(key.peer) (\(report.scope))",
                metadata: [
                    "compared_bytes": "\(report.comparedByteCount)", "image_bytes": "\(report.imageByteCount)",
                    "duration": "\(report.duration)",
                ])
        case .success: break
        case .failure(is CancellationError):
            logger.debug("the proof of \(key.image) on \(key.peer) was interrupted; it goes on where it stopped")
        case .failure(let error):
            logger.warning(
                "\(key.image) could not be proven on \(key.peer): \(error.oneLine)",
                metadata: ["remedy": "\((error as? any Failure)?.remedy ?? "")"])
        }
    }
}

extension ProofReport {
    /// What to do when a mirror differs.
    public static func remedy(image: String, peer: String) -> String {
        "look at both clusters' health, then `rbd-ferry verify \(image) --peer \(peer) --config FILE --repair`"
    }
}
