import Agent
import AgentConfiguration
import Control
import Engine
import FerryCore
import Foundation
import ImageStore
import Logging
import Systemd

/// What is around an agent while it runs: signals, systemd, the watch over hanging calls, control socket and status
/// endpoint.
struct AgentShell {
    /// What an agent is to its shell.
    struct Subject: Sendable {
        /// Runs until stopped; calls `ready` once it does its work.
        let run: @Sendable (_ ready: @escaping @Sendable () -> Void) async -> Void
        let stop: @Sendable () -> Void
        let reload: @Sendable () async -> Void
        let control: any AgentControl
        /// What tells whether its work moves, by name.
        let signs: @Sendable () -> [String: HangWatch.Sign]
    }
    let notifier: Notifier
    let logger: Logger
    let settings: AgentSettings
    /// Where the control socket is by default: there the agent goes without one when the folder is not there.
    let defaultSocketPath: String

    /// Runs an agent to its end.
    func run(_ subject: Subject) async throws {
        let watch = HangWatch(limit: .seconds(settings.hangAfter.seconds), mayIdle: true) { notifier.watchdog() }
        watch.follow(subject.signs)
        let handlers = SignalHandlers(
            stop: {
                notifier.stopping(status: "ending: transfers under way go on for a while")
                subject.stop()
            },
            reload: {
                Task {
                    notifier.reloading()
                    await subject.reload()
                    notifier.ready(status: await Self.line(subject.control))
                }
            })
        SignalHandlers.current.withLock { $0 = handlers }
        defer { SignalHandlers.current.withLock { $0 = nil } }
        try await watch.watch { _ in try await runWithEndpoints(subject) }
    }

    private func runWithEndpoints(_ subject: Subject) async throws {
        let server = try await ControlServer.bind(
            subject.control, address: settings.statusListen, socketPath: usableSocketPath(), logger: logger)
        if let port = server.port { logger.info("status and metrics on port \(port)") }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await server.run()
                return false
            }
            group.addTask {
                await tellStatus(subject.control)
                return false
            }
            group.addTask {
                await subject.run { Task { notifier.ready(status: await Self.line(subject.control)) } }
                return true
            }
            while let isOver = await group.next(), !isOver {}
            group.cancelAll()
        }
    }

    private func usableSocketPath() -> String? {
        guard let socketPath = settings.control, socketPath == defaultSocketPath else { return settings.control }
        let folder = URL(fileURLWithPath: socketPath).deletingLastPathComponent().path
        guard !FileManager.default.fileExists(atPath: folder) else { return socketPath }
        logger.notice("no control socket: there is no folder \(folder); `control:` names another place")
        return nil
    }

    /// A line for `systemctl status`, every few seconds.
    private func tellStatus(_ control: any AgentControl) async {
        while (try? await Task.sleep(for: .seconds(5))) != nil { notifier.status(await Self.line(control)) }
    }

    private static func line(_ control: any AgentControl) async -> String { await control.status().summaryLine }
}
