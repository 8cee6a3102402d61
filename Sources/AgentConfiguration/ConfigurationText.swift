import FerryCore
import Foundation

/// The text of a configuration file.
enum ConfigurationText {
    /// No configuration comes near this.
    static let byteCountMax = 1 << 20

    /// Reads a file, or a pipe to its end.
    static func read(_ file: String) throws(ConfigurationError) -> String {
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
            defer { try? handle.close() }
            bytes = try upToLimit(handle)
        } catch {
            throw ConfigurationError(
                file: file, line: 0, problem: "can't be read: \((error as NSError).localizedDescription)",
                remedy: "check the path and its permissions")
        }
        guard bytes.count <= byteCountMax else {
            throw ConfigurationError(
                file: file, line: 0, problem: "is larger than \(byteCountMax) bytes",
                remedy: "name a configuration file; patterns make long lists short")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(
                file: file, line: 0, problem: "is no text in UTF-8", remedy: "name a configuration file")
        }
        return text
    }

    /// Reads until the end or until the limit is passed: a pipe gives its bytes in pieces.
    private static func upToLimit(_ handle: FileHandle) throws -> Data {
        var bytes = Data()
        while bytes.count <= byteCountMax {
            guard let piece = try handle.read(upToCount: byteCountMax + 1 - bytes.count), !piece.isEmpty else { break }
            bytes.append(piece)
        }
        return bytes
    }
}
