public import FerryCore

/// Why a frame could not be made or taken apart.
public struct ZstdError: Failure, Hashable {
    /// What kind of trouble it is.
    public enum Code: String, Sendable {
        /// libzstd could not get memory for a context.
        case outOfMemory
        /// The level, or another setting, is not one that libzstd takes.
        case badSetting
        /// The bytes are not a zstd frame, or (a block) are cut short.
        case notAFrame
        /// The frame does not state its content's size.
        case sizeNotStated
        /// The frame's content has another size than was announced (announced, stated or inflated).
        case sizeDiffers
        /// Bytes follow the frame (frame, frame and what follows).
        case trailingBytes
        /// The frame's content can't be inflated.
        case damaged
        /// The stream ends inside a frame.
        case cutShort
        /// A frame asks for more memory than a decompressor gives.
        case windowTooLarge
        /// libzstd failed to compress.
        case failed
    }

    /// What kind of trouble it is.
    public let code: Code
    /// The size that was asked for, in bytes; see `Code`.
    public let expected: UInt64?
    /// The size that was found, in bytes; see `Code`.
    public let found: UInt64?
    /// What libzstd says; empty when the check is ours. Not part of equality.
    public let detail: String

    /// A failure of kind `code`.
    public init(_ code: Code, expected: UInt64? = nil, found: UInt64? = nil, detail: String = "") {
        self.code = code
        self.expected = expected
        self.found = found
        self.detail = detail
    }

    /// Errors are equal when code and numbers are.
    public static func == (one: ZstdError, other: ZstdError) -> Bool {
        one.code == other.code && one.expected == other.expected && one.found == other.found
    }

    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(expected)
        hasher.combine(found)
    }

    /// Memory may be there later; damage stays.
    public var disposition: Disposition {
        switch code {
        case .outOfMemory: .temporary
        case .badSetting: .usage
        case .notAFrame, .sizeNotStated, .sizeDiffers, .trailingBytes, .damaged, .cutShort, .windowTooLarge, .failed:
            .permanent
        }
    }

    /// What happened, with the numbers.
    public var cause: String {
        var text = "zstd: \(code.text)"
        if let expected { text += ", expected \(expected) bytes" }
        if let found { text += ", found \(found) bytes" }
        return detail.isEmpty ? text : "\(text) (\(detail))"
    }

    /// What the user can do.
    public var remedy: String {
        switch code {
        case .outOfMemory: "give the process more memory, or run fewer transfers at once"
        case .badSetting: "choose another compression level"
        case .notAFrame, .sizeNotStated, .sizeDiffers, .trailingBytes, .damaged, .cutShort:
            "the data was damaged on its way, or its sender is at fault; transfer it again"
        case .windowTooLarge: "inflate it with zstd --long first, or compress it without --long"
        case .failed: "report it with the version of libzstd"
        }
    }
}

extension ZstdError.Code {
    fileprivate var text: String {
        switch self {
        case .outOfMemory: "no memory for a context"
        case .badSetting: "a setting is out of range"
        case .notAFrame: "not a whole frame"
        case .sizeNotStated: "the frame does not state its size"
        case .sizeDiffers: "the frame's size is not the announced one"
        case .trailingBytes: "bytes follow the frame"
        case .damaged: "the frame is damaged"
        case .cutShort: "the stream ends inside a frame"
        case .windowTooLarge: "a frame asks for a window of more than 128 MiB"
        case .failed: "compression failed"
        }
    }
}
