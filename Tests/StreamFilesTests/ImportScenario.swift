import DiffStream
import FerryCore
import ImageStore
import MemoryStore
import TestSupport
import Testing

@testable import StreamFiles

/// A stream, and an image, or none, that it goes on. All small, so that it can be cut at every byte.
struct ImportScenario: Sendable, CustomTestStringConvertible {
    enum Kind: CaseIterable {
        /// A diff with a protected target that also resizes, onto an image that has its base.
        case increment
        /// A diff to a head.
        case head
        /// A full diff that makes the image.
        case full
        /// A full diff onto an empty image of another size.
        case ontoEmpty
        /// A history of several snapshots that makes the image.
        case history
        /// The same onto an empty image that has metadata.
        case historyOntoEmpty
    }

    let kind: Kind
    let stream: [UInt8]
    var testDescription: String { "\(kind)" }

    static let all = Kind.allCases.map { ImportScenario($0) }

    private static let base = sample(300)
    private static let small = sample(100, seed: 2)

    init(_ kind: Kind) {
        self.kind = kind
        switch kind {
        case .increment: stream = Self.change(to: "b", isProtected: true)
        case .head: stream = Self.change(to: nil, isProtected: nil)
        case .full, .ontoEmpty: stream = Self.full("a")
        case .history, .historyOntoEmpty: stream = Self.history
        }
    }

    /// Makes what the stream goes on.
    func prepare(_ store: MemoryStore) async throws {
        switch kind {
        case .increment, .head:
            store.addImage("vm", contents: Self.base)
            try await store.takeSnapshot("older")
            store.overwrite("vm", at: 0, with: [9])
            try await store.takeSnapshot("a", isProtected: true)
            try await store.setMetadata(["owner": "me"])
        case .full, .history: return
        case .ontoEmpty, .historyOntoEmpty:
            try await store.createMirror("vm", byteCount: 1000, layout: .standard).close()
            try await store.setMetadata(["owner": "me"])
        }
    }

    /// What the import leaves when nothing goes wrong.
    func expected() async throws -> ImageState {
        let store = MemoryStore()
        try await prepare(store)
        try await importing(stream, into: store)
        return try #require(try await store.state())
    }

    private static func change(to target: String?, isProtected: Bool?) -> [UInt8] {
        diff(
            DiffHeader(fromSnapshot: "a", toSnapshot: target, isProtected: isProtected, imageByteCount: 350),
            [(10, [1, 2, 3], 3), (20, nil, 40), (300, small.dropLast(50), 50)])
    }

    private static func full(_ target: String) -> [UInt8] {
        diff(DiffHeader(toSnapshot: target, imageByteCount: 300), [(0, small, 100), (200, small, 100)], DiffV1Format())
    }

    private static var history: [UInt8] {
        let header = ImageHeader(
            order: 22, features: 61, stripeUnit: 1 << 22, stripeCount: 1,
            metadata: [.init(key: "owner", value: "you"), .init(key: "new", value: "x")])
        var stream: [UInt8] = []
        ImageV2Format().appendOpening(header, diffCount: 3, to: &stream)
        let first = DiffHeader(toSnapshot: "a", isProtected: true, imageByteCount: 300)
        let second = DiffHeader(fromSnapshot: "a", toSnapshot: "b", isProtected: false, imageByteCount: 120)
        let last = DiffHeader(fromSnapshot: "b", imageByteCount: 200)
        return stream + diff(first, [(0, small, 100)]) + diff(second, [(50, nil, 20), (110, [1, 2], 2)])
            + diff(last, [(150, [7, 7, 7], 3)])
    }
}
