import Foundation

/// Who is connected to a monitor, as `ceph tell mon.a sessions --format json` prints it.
public struct MonitorSessions: Sendable {
    private struct Session: Decodable {
        struct Addresses: Decodable { var addrvec: [Address] }
        struct Address: Decodable {
            var addr: String
            var nonce: Int64
        }
        var entityName: String
        var addrs: Addresses
    }

    private let sessions: [Session]

    /// Throws when the text is something else.
    public init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        sessions = try decoder.decode([Session].self, from: Data(json.utf8))
    }

    /// The addresses, as `ceph osd blocklist add` takes them, of a user (`client.admin`), or of all whose name begins so.
    public func addresses(of prefix: String) -> Set<String> {
        let meant = sessions.filter { $0.entityName.hasPrefix(prefix) }
        return Set(meant.flatMap(\.addrs.addrvec).map { "\($0.addr)/\($0.nonce)" })
    }
}
