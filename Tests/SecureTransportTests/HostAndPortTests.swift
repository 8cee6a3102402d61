import SecureTransport
import Testing

@Suite("host and port")
struct HostAndPortTests {
    @Test(
        "the usual forms are read and written back",
        arguments: [
            ("mirror.example:7440", "mirror.example", 7440), ("127.0.0.1:0", "127.0.0.1", 0),
            ("[::1]:65535", "::1", 65535),
        ])
    func parsed(text: String, host: String, port: Int) throws {
        let address = try HostAndPort(parsing: text)
        #expect(address == HostAndPort(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(
        "everything else is refused, with what was given",
        arguments: [
            "", "mirror", ":7440", "mirror:", "mirror:70000", "mirror:-1", "mirror:+1", "mirror:٣", "::1:7440",
            "[]:1", "a b:1", "mirror:1:2", "http://mirror:1", "[::1]",
        ])
    func refused(text: String) {
        let error = #expect(throws: HostAndPortError.self) { try HostAndPort(parsing: text) }
        #expect(error?.text == text)
        #expect(error?.disposition == .usage)
    }
}
