/// The formats that we read and write.
public enum StreamFormats {
    /// All of them; their banners tell them apart.
    public static let all: [any StreamFormat] = [
        DiffV1Format(),
        DiffV2Format(),
        ImageV2Format(),
    ]

    /// The format that users call `name`; nil when there is none.
    public static func named(_ name: String) -> (any StreamFormat)? {
        all.first { $0.name == name }
    }
}
