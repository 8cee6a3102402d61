import AgentConfiguration
import FerryCore
import Foundation
import Logging
import OpenSSL
import Reporting
import SecureTransport
import Synchronization
import Threading

/// The configuration that an agent goes by, and the certificates that it names: both are taken up when they change, and
/// only when they are good.
final class ConfigurationInForce<Configuration: AgentConfigurable>: Sendable {
    private struct State {
        var configuration: Configuration
        /// Why the file that is there now is not in force; nil when it is.
        var failure: (any Error)?
    }
    /// The file.
    let file: String
    /// The certificates.
    let contexts: ContextSource
    /// What the process started with: some of it can't change.
    let begun: Configuration
    private let logger: Logger
    private let state: Mutex<State>
    private let files = BlockingThreads(count: 1)

    /// A configuration that was read from `file`. Throws when its certificates can't be used.
    init(_ configuration: Configuration, file: String, role: TLSRole, logger: Logger) throws(TLSFileError) {
        self.file = file
        self.logger = logger
        begun = configuration
        contexts = try ContextSource(configuration.tls, role: role)
        state = Mutex(State(configuration: configuration))
    }

    /// What is in force.
    var current: Configuration { state.withLock { $0.configuration } }

    /// Reads the file again and takes it into force, unless something is wrong with it. True when it did.
    func reload() async -> Bool {
        do {
            let new = try await files.run { [file] () throws(any Error) in try Configuration.read(file) }
            if new.tls != current.tls {
                try await files.run { [contexts] () throws(TLSFileError) in try contexts.replace(new.tls) }
            }
            state.withLock { $0 = State(configuration: new) }
            logger.info("took \(file)")
            let fixed = begun.changesThatNeedRestart(new)
            if !fixed.isEmpty {
                logger.warning("a restart is needed for what changed under \(fixed.joined(separator: ", "))")
            }
            return true
        } catch {
            state.withLock { $0.failure = error }
            logger.error("\(file) is not taken: \(error.oneLine)")
            return false
        }
    }

    /// Takes certificates up that changed on disk, and reminds of those that end soon. To be called every second. True
    /// when it took some.
    @discardableResult
    func watchCertificates(_ reminder: inout ExpiryReminder, now: Date) async -> Bool {
        var isNew = false
        do {
            isNew = try await files.run { [contexts] () throws(TLSFileError) in try contexts.refresh() }
            if isNew { logger.info("took the certificates that changed on disk") }
        } catch {
            logger.error("\(error.cause)", metadata: ["remedy": "\(error.remedy)"])
        }
        reminder.remind(contexts, now: now, logger: logger)
        return isNew
    }

    /// Adds to a status what is wrong with the file and the certificates.
    func note(in status: inout AgentStatus) {
        if let failure = state.withLock({ $0.failure }) {
            status.problems.append("\(file) has changed and is not in force: \(failure.oneLine)")
        }
        status.note(contexts)
    }
}

/// What the configurations of both agents have in common.
protocol AgentConfigurable: Sendable {
    /// The certificates.
    var tls: TLSFiles { get }
    /// Reads and checks a file.
    static func read(_ file: String) throws -> Self
    /// Keys whose values differ and that a running agent can't change.
    func changesThatNeedRestart(_ new: Self) -> [String]
}

extension AgentSettings {
    /// Keys whose values differ and that a running agent can't change.
    func changesThatNeedRestart(_ new: AgentSettings) -> [String] {
        var keys: [String] = []
        if control != new.control { keys.append("control") }
        if statusListen != new.statusListen { keys.append("status-listen") }
        if hangAfter != new.hangAfter { keys.append("hang-after") }
        return keys
    }
}
