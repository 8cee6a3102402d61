import FerryCore
import FoundationEssentials
import Glibc
import ImageStore

/// Small JSON files that are read whole and replaced whole.
extension FileDescriptor {
    /// Largest record that is read, in bytes.
    private static let recordByteCountMax = 64 << 20

    /// Reads and decodes `name` in this folder; nil when there is none.
    func readRecord<Record: Decodable>(
        _ type: Record.Type, _ name: String, _ operation: String
    ) throws(StoreError) -> Record? {
        let file: FileDescriptor
        do {
            file = try openFile(name, O_RDONLY, operation)
        } catch {
            guard error.reason == .notFound else { throw error }
            return nil
        }
        let byteCount = try file.byteCount(operation)
        guard byteCount <= UInt64(FileDescriptor.recordByteCountMax) else {
            throw StoreError(.inconsistent, operation, file.path, detail: "\(byteCount) bytes, too many for a record")
        }
        let buffer = DataBuffer(byteCount: Int(byteCount))
        try file.read(into: buffer.unsafeBytes, at: 0, operation)
        do {
            return try JSONDecoder().decode(type, from: Data(buffer.bytes(in: 0..<buffer.byteCount)))
        } catch {
            throw StoreError(
                .inconsistent, operation, file.path, detail: "not a record: \(error)",
                remedy: "restore the file from a backup, or remove the image and copy it anew")
        }
    }

    /// Replaces `name` in this folder; whole or not at all, and durable when it returns.
    func writeRecord(_ record: some Encodable, _ name: String, _ operation: String) throws(StoreError) {
        let bytes: [UInt8]
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            bytes = [UInt8](try encoder.encode(record)) + [UInt8(ascii: "\n")]
        } catch {
            throw StoreError(.failed, operation, "\(path)/\(name)", detail: "\(error)")
        }
        let buffer = DataBuffer(bytes)
        let (file, temporary) = try makeTemporaryFile(operation)
        do throws(StoreError) {
            try withExtendedLifetime(buffer) { () throws(StoreError) in
                try file.write(UnsafeRawBufferPointer(buffer.unsafeBytes), at: 0, operation)
            }
            try file.sync(operation)
            try rename(temporary, to: name, operation)
        } catch {
            // The name may be gone already; then there is nothing to remove.
            _ = unlinkat(raw, temporary, 0)
            throw error
        }
    }
}
