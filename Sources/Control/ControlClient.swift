import FerryCore
import NIOCore
import NIOHTTP1
public import Reporting

/// Asks a running agent, through its control socket. A connection for each question.
public struct ControlClient: Sendable {
    /// The socket.
    public let socketPath: String
    private let replyByteCountMax: Int

    /// A client of the agent that listens at `socketPath`; longer replies than `replyByteCountMax` are not taken.
    public init(socketPath: String, replyByteCountMax: Int = 64 << 20) {
        self.socketPath = socketPath
        self.replyByteCountMax = replyByteCountMax
    }

    /// How the agent is, with the images that `patterns` name, or all.
    public func status(
        _ patterns: [String] = [], timeout: Duration = .seconds(10)
    ) async throws(ControlClientError) -> AgentStatus {
        let query = patterns.map { "image=\(Self.percentEncoded($0))" }.joined(separator: "&")
        return try await ask(.GET, "/api/status?\(query)", body: nil, timeout: timeout)
    }

    /// Makes runs due now; with `isWaiting` it returns when they have ended. They go on after `timeout`.
    public func sync(
        _ request: SyncRequest, isWaiting: Bool, timeout: Duration? = nil
    ) async throws(ControlClientError) -> [SyncReply] {
        let path = isWaiting ? "/api/sync?wait=1" : "/api/sync"
        return try await ask(.POST, path, body: request, timeout: timeout)
    }

    private func ask<Reply: Decodable>(
        _ method: HTTPMethod, _ uri: String, body: SyncRequest?, timeout: Duration?
    ) async throws(ControlClientError) -> Reply {
        let exchange = try ControlExchange(
            socketPath: socketPath, method: method, uri: uri, body: body.map(encoded) ?? "",
            replyByteCountMax: replyByteCountMax)
        let reply = try await exchange.run(timeout: timeout)
        let bytes = reply.body?.readableBytesView ?? ByteBuffer().readableBytesView
        do {
            guard reply.head.status == .ok else {
                throw try JSONDocument.decode(ControlRefusal.self, from: bytes)
            }
            return try JSONDocument.decode(Reply.self, from: bytes)
        } catch let refusal as ControlRefusal {
            throw .refused(cause: refusal.error, remedy: refusal.remedy, disposition: refusal.disposition)
        } catch {
            throw .notUnderstood(path: socketPath, reason: "HTTP \(reply.head.status.code), \(error)".printable)
        }
    }

    private func encoded(_ request: SyncRequest) throws(ControlClientError) -> String {
        do {
            return try JSONDocument.line(request)
        } catch {
            throw .failed(path: socketPath, reason: error.oneLine)
        }
    }

    /// All but what RFC 3986 calls unreserved.
    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
