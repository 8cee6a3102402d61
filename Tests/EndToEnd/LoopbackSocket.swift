import Glibc

/// Blocking TCP sockets on 127.0.0.1.
enum LoopbackSocket {
    struct Failure: Error {
        let number: Int32
    }

    /// Listens on a port that the kernel chooses.
    static func listen() throws -> Int32 {
        let socket = try make()
        guard withAddress(port: 0, { Glibc.bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 64) == 0 else {
            throw Failure(number: errno)
        }
        return socket
    }

    /// Connects to a port; from another address of this host, if that is given.
    static func connect(to port: Int, from source: UInt32? = nil) throws -> Int32 {
        let socket = try make()
        if let source {
            guard withAddress(source, port: 0, { Glibc.bind(socket, $0, $1) }) == 0 else {
                close(socket)
                throw Failure(number: errno)
            }
        }
        guard withAddress(port: port, { Glibc.connect(socket, $0, $1) }) == 0 else {
            close(socket)
            throw Failure(number: errno)
        }
        return socket
    }

    /// The port that a socket is bound to.
    static func port(of socket: Int32) -> Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Sends all bytes; false when the connection is over.
    static func send(_ bytes: ArraySlice<UInt8>, to socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Makes the kernel take few bytes ahead of their reader, also on the sockets that are accepted.
    static func setBuffer(of socket: Int32, byteCount: Int32) {
        var byteCount = byteCount
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &byteCount, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func make() throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(number: errno) }
        return socket
    }

    private static func withAddress(
        _ host: UInt32 = 0x7F00_0001, port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = host.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
