import Foundation
import OpenSSL

/// A plain blocking socket, for peers that are commands. One conversation, then it is closed.
final class LoopbackSocket {
    private let listener: Int32
    private let port: UInt16

    struct SystemFailure: Error { let code = errno }

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (descriptor, bindSize) = (listener, size)
        let isListening = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, bindSize) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, address, &size) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard isListening else { throw SystemFailure() }
    }

    deinit { close(listener) }

    /// A command that runs until it is ended.
    struct Command {
        let process: Process
        func end() {
            process.terminate()
            process.waitUntilExit()
        }
    }

    func startOpenSSLClient(_ arguments: [String]) throws -> Command {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "s_client", "-connect", "127.0.0.1:\(port)"] + arguments
        process.standardInput = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return Command(process: process)
    }

    /// Accepts one peer and does the handshake; nil if it succeeds.
    func serve(_ connection: TLSConnection) throws -> TLSError? {
        let peer = accept(listener, nil, nil)
        guard peer >= 0 else { throw SystemFailure() }
        defer { close(peer) }
        var bytes = [UInt8](repeating: 0, count: 16 * 1024)
        while !connection.isHandshakeComplete {
            let count = recv(peer, &bytes, bytes.count, 0)
            guard count > 0 else { return .cut(duringHandshake: true) }
            do throws(TLSError) {
                try connection.take(Array(bytes[..<count]))
            } catch {
                return error
            }
            let output = connection.output()
            guard send(peer, output, output.count, Int32(MSG_NOSIGNAL)) == output.count else {
                throw SystemFailure()
            }
        }
        return nil
    }
}
