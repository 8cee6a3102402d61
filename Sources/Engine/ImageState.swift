import FerryCore
import FoundationEssentials
public import ImageStore
import Planning

extension MirrorImage {
    /// Stores that the head must be made equal to a transfer's base before anything is applied to it.
    func distrustHead(for transfer: TransferIdentity) async throws {
        try await setState(
            Checkpoint(transfer: transfer, resumePoint: .start, phase: .preparing), ImageStateKey.checkpoint)
    }
}

extension Image {
    /// Reads a value that is kept as JSON; nil when it was never stored. Throws `EngineError.damagedState`.
    public func state<Value: Decodable>(_ type: Value.Type, _ key: String) async throws -> Value? {
        guard let text = try await metadata(key) else { return nil }
        guard let value = try? JSONDecoder().decode(type, from: Data(text.utf8)) else {
            throw EngineError.damagedState(image: identity.description, key: key)
        }
        return value
    }

    /// Stores a value as JSON, durably.
    func setState(_ value: some Encodable, _ key: String) async throws {
        try await setMetadata(key, to: stateText(value))
    }
}

extension SourceChange {
    /// Stores a value as JSON.
    static func setState(_ value: some Encodable, _ key: String) throws -> SourceChange {
        .setMetadata(ImageMetadata(key: key, value: try stateText(value)))
    }
}

private func stateText(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
