import Conversation
import FerryCore
import Foundation
import NIOCore
import OpenSSL
import SecureTransport
import Synchronization

/// A client whose certificate is good, and which says what it likes.
final class HostileClient: Sendable {
    private struct Incoming {
        var decoder = WireDecoder()
        var buffer = ByteBuffer()
    }
    private let connection: SecureConnection
    private let incoming = Mutex(Incoming())

    private init(_ connection: SecureConnection) { self.connection = connection }

    /// Connects and does the handshake; it says nothing yet.
    static func connect(
        _ stage: UsageStage, to port: Int, certificate: String = "sender"
    ) async throws -> HostileClient {
        let certificates = stage.certificates
        let files = TLSFiles(
            authority: certificates.file("ca.pem"), certificate: certificates.file("\(certificate).pem"),
            key: certificates.file("\(certificate).key"))
        return HostileClient(
            try await SecureConnector.connect(
                to: HostAndPort(host: "127.0.0.1", port: port), serverName: "receiver.site-b",
                context: files.makeContext(role: .client), connectTimeout: .seconds(10),
                handshakeTimeout: .seconds(10)))
    }

    /// Connects and greets as an honest sender does.
    static func greeted(
        _ stage: UsageStage, to port: Int, certificate: String = "sender"
    ) async throws -> HostileClient {
        let client = try await connect(stage, to: port, certificate: certificate)
        try await client.send(WireDecoder.banner)
        try await client.send(.hello(Hello(agentVersion: "hostile", site: "h", versions: 1...1)))
        guard case .hello? = try await client.next() else { throw NeverHappened(description: "no hello") }
        return client
    }

    func send(_ record: ControlRecord) async throws { try await send(record.wireRecord.encoded) }

    func send(_ bytes: [UInt8]) async throws { try await connection.write(ByteBuffer(bytes: bytes)) }

    /// Says that content is so many bytes, and sends it as a block.
    func sendBlock(
        _ content: [UInt8], saying byteCount: Int? = nil, digest: [UInt8]? = nil, coding: BlockCoding = .plain
    ) async throws {
        let header = BlockHeader(
            coding: coding, contentByteCount: byteCount ?? content.count,
            digest: digest ?? BlockDigest.digest(content.span))
        try await send(WireRecord(tag: .block, payload: header.encoded + content).encoded)
    }

    /// The next record that says something; nil when the receiver has ended the connection.
    func next() async throws -> ControlRecord? {
        while true {
            let record = try incoming.withLock { incoming -> WireRecord? in
                let buffer = incoming.buffer
                var position = 0
                let record = try incoming.decoder.next(buffer.readableBytesUInt8Span, at: &position)
                incoming.buffer.moveReaderIndex(forwardBy: position)
                return record
            }
            if let record {
                let control = try ControlRecord(record)
                if control != .keepAlive { return control }
                continue
            }
            guard let bytes = try await connection.read() else { return nil }
            incoming.withLock { $0.buffer = bytes }
        }
    }

    /// What the receiver accuses us of; nil when it hangs up without a word.
    func fault() async throws -> PeerFault? {
        do {
            while let record = try await next() {
                if case .fault(let fault) = record { return fault }
            }
        } catch is TransportError {
            return nil
        }
        return nil
    }

    /// Offers an image, and takes the answer.
    func offer(_ offer: Offer) async throws -> Answer? {
        try await send(.offer(offer))
        while let record = try await next() {
            switch record {
            case .answer(let answer): return answer
            case .fault(let fault): throw fault
            default: continue
            }
        }
        return nil
    }

    func close() async { await connection.close() }
    func abort() { connection.abort() }
}

extension Offer {
    /// An offer of an image that nobody has.
    static func hostile(
        _ image: String, snapshot: String = "s1", byteCount: UInt64 = 1 << 20, identity: String = "hostile"
    ) -> Offer {
        Offer(
            image: image, source: ImageIdentity(cluster: "hostile", pool: 1, image: identity), byteCount: byteCount,
            layout: OfferedLayout(objectOrder: 22, stripeUnitByteCount: 1 << 22, stripeCount: 1), snapshots: [],
            target: SnapshotIdentity(id: 7, name: snapshot), mode: .exact, checkpointByteCount: 4 << 20)
    }
}
