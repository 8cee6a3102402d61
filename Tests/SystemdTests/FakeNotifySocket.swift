import Glibc

/// A datagram socket that stands in for systemd's.
final class FakeNotifySocket {
    /// What NOTIFY_SOCKET would say.
    let address: String
    private let raw: CInt
    private let folder: String?

    /// Listens in a new folder, or in the abstract namespace.
    init(isAbstract: Bool = false) throws {
        var template = Array("/tmp/rbd-ferry-notify.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFault(number: errno) }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.folder = folder
        // A folder's name is free in the abstract namespace, too.
        address = isAbstract ? "@\(folder)" : "\(folder)/notify"
        raw = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let path = Array(address.utf8)
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path) }
        if isAbstract { target.sun_path.0 = 0 }
        let byteCount = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let result = withUnsafePointer(to: target) { target in
            target.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(raw, $0, byteCount) }
        }
        guard result == 0 else { throw SystemFault(number: errno) }
    }

    deinit {
        _ = close(raw)
        if !address.hasPrefix("@") { _ = unlink(address) }
        if let folder { _ = rmdir(folder) }
    }

    /// The next message's lines; nil when there is none now.
    func next() -> [String]? {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(raw, &bytes, bytes.count, CInt(MSG_DONTWAIT))
        guard count >= 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Everything that waits.
    func all() -> [[String]] {
        var messages: [[String]] = []
        while let message = next() { messages.append(message) }
        return messages
    }
}

/// A system call failed.
struct SystemFault: Error {
    let number: Int32
}
