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
        // The socket first: that another agent runs here says more than that a port is taken.
        var socket: (listener: ControlListener, file: ControlSocketFile)?
        if let socketPath { socket = try await listen(at: socketPath, routes, limits, logger) }
        var listeners = [socket?.listener].compactMap(\.self)
        guard let address else { return ControlServer(port: nil, listeners: listeners, file: socket?.file) }
        do {
            let listener = try await listen(on: address, routes, limits, logger)
            listeners.append(listener)
            return ControlServer(port: listener.port, listeners: listeners, file: socket?.file)
        } catch {
            for listener in listeners { await listener.close() }
            socket?.file.remove()
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
