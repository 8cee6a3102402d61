import NIOCore
import NIOEmbedded
import Testing

@testable import SecureTransport

@Suite("Who has to go when too many connect")
struct AdmissionGateTests {
    private func same(_ one: (any Channel)?, _ other: any Channel) -> Bool { one.map { $0 === other } ?? false }

    @Test("the oldest stranger goes for the newest")
    func oldest() {
        let gate = AdmissionGate(clientCountMax: 1, strangerCountMax: 2)
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        #expect(gate.enter(channels[0], from: "a") == nil)
        #expect(gate.enter(channels[1], from: "a") == nil)
        #expect(same(gate.enter(channels[2], from: "a"), channels[0]))
        #expect(same(gate.enter(channels[3], from: "a"), channels[1]))
        #expect(gate.turnedAwayCount == 2 && gate.connectionCount == 2)
    }

    @Test("of the host that has most of them, however old another's is")
    func crowd() {
        let gate = AdmissionGate(clientCountMax: 1, strangerCountMax: 3)
        let patient = EmbeddedChannel()
        #expect(gate.enter(patient, from: "good") == nil)
        let crowd = (0..<100).map { _ in EmbeddedChannel() }
        for channel in crowd { #expect(!same(gate.enter(channel, from: "bad"), patient)) }
        #expect(gate.admit(patient))
        #expect(!gate.admit(crowd[0]), "it had to go")
        #expect(gate.turnedAwayCount == 98)
    }

    @Test("never a client, and clients have a limit of their own")
    func clients() {
        let gate = AdmissionGate(clientCountMax: 1, strangerCountMax: 1)
        let (first, second, third) = (EmbeddedChannel(), EmbeddedChannel(), EmbeddedChannel())
        #expect(gate.enter(first, from: "a") == nil)
        #expect(gate.admit(first))
        #expect(gate.enter(second, from: "a") == nil)
        #expect(!gate.admit(second), "there is no room for a second client")
        #expect(same(gate.enter(third, from: "a"), second), "which is a stranger still")
        #expect(gate.turnedAwayCount == 2 && gate.connectionCount == 2)
    }

    @Test("hosts of one IPv6 network count as one, hosts of IPv4 by themselves")
    func crowds() throws {
        func crowd(_ host: String) throws -> String { try SocketAddress(ipAddress: host, port: 1).crowd }
        #expect(try crowd("192.0.2.1") != crowd("192.0.2.2"))
        #expect(try crowd("2001:db8::1") == crowd("2001:db8::ffff:1"))
        #expect(try crowd("2001:db8::1") != crowd("2001:db8:0:1::1"))
        #expect(try crowd("::ffff:192.0.2.1") != crowd("::ffff:192.0.2.2"))
    }
}
