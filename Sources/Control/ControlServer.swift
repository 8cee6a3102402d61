import Glibc
public import Logging
import NIOCore
import NIOPosix
public import SecureTransport

/// An agent's HTTP server: `/healthz`, `/metrics` and `/api/status` for all who reach it, by TCP or through the control
/// socket, and `POST /api/sync` for those who may open the socket.
public final class ControlServer: Sendable {
    /// The TCP port listened on; nil without one.
    public let port: Int?

    private let listeners: [ControlListener]
    private let file: ControlSocketFile?

    private init(port: Int?, listeners: [ControlListener], file: ControlSocketFile?) {
        self.port = port
        self.listeners = listeners
        self.file = file
    }

    /// Listens on `address`, where port 0 lets the system choose, and on a Unix socket at `socketPath` with mode 0660.
    /// Either may be left out. Both listen when this returns; `run` or `close` must follow.
    public static func bind(
        _ control: any AgentControl, address: HostAndPort?, socketPath: String?,
        limits: ControlLimits = ControlLimits(), logger: Logger
    ) async throws(ControlServerError) -> ControlServer {
        let routes = ControlRoutes(control, limits: limits)
        // What goes wrong with one client's request is that client's to hear.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        var listeners: [ControlListener] = []
        if let address { listeners.append(try await listen(on: address, routes, limits, logger)) }
        let port = listeners.first?.port
        guard let socketPath else { return ControlServer(port: port, listeners: listeners, file: nil) }
        do {
            let (listener, file) = try await listen(at: socketPath, routes, limits, logger)
            return ControlServer(port: port, listeners: listeners + [listener], file: file)
        } catch {
            for listener in listeners { await listener.close() }
            throw error
        }
    }

    private static func listen(
        on address: HostAndPort, _ routes: ControlRoutes, _ limits: ControlLimits, _ logger: Logger
    ) async throws(ControlServerError) -> ControlListener {
        do {
            return try await ControlListener(routes.responder(mayAct: false), limits: limits, logger: logger) {
                try await $0.bind(host: address.host, port: address.port).get()
            }
        } catch {
            throw .cannotListen(address: address.description, reason: reason(error))
        }
    }

    private static func listen(
        at path: String, _ routes: ControlRoutes, _ limits: ControlLimits, _ logger: Logger
    ) async throws(ControlServerError) -> (ControlListener, ControlSocketFile) {
        let (file, descriptor) = try await ControlSocketFile.listen(at: path)
        do {
            let listener = try await ControlListener(routes.responder(mayAct: true), limits: limits, logger: logger) {
                try await $0.withBoundSocket(descriptor).get()
            }
            return (listener, file)
        } catch {
            file.remove()
            throw .cannotListen(address: path, reason: reason(error))
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    /// Serves until the task is cancelled. Clients that wait for a run are told that the agent stops.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for listener in listeners { group.addTask { await listener.run() } }
        }
        file?.remove()
    }

    /// Stops listening, when `run` was never called.
    public func close() async {
        for listener in listeners { await listener.close() }
        file?.remove()
    }
}
