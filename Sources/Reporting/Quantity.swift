/// Numbers with units, for people.
public enum Quantity {
    /// `12.3 MiB`
    public static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimal(value, digits: 1)) \(units[unit])"
    }

    /// `12.3 MiB/s`
    public static func rate(_ bytesPerSecond: Double) -> String {
        "\(bytes(UInt64(bounded(bytesPerSecond))))/s"
    }

    /// A number with so many digits behind the point, 0 to 3.
    public static func decimal(_ value: Double, digits: Int = 2) -> String {
        precondition((0...3).contains(digits), "0 to 3 digits")
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let scale: Int64 = [1, 10, 100, 1000][digits]
        let scaled = Int64((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / scale).\(padded(scaled % scale, digits))"
    }

    /// Seconds with two digits behind the point.
    public static func seconds(_ duration: Duration) -> String {
        decimal(Double(duration.milliseconds) / 1000)
    }

    /// `1:02:03` or `2:03`
    public static func clock(_ seconds: Int) -> String {
        let (hours, rest) = seconds.quotientAndRemainder(dividingBy: 3600)
        let second = padded(Int64(rest % 60), 2)
        return hours > 0 ? "\(hours):\(padded(Int64(rest / 60), 2)):\(second)" : "\(rest / 60):\(second)"
    }

    /// The two largest units of a span that is not negative: `4m 12s`, `3h`, `2d 4h`.
    public static func span(_ seconds: Double) -> String {
        let whole = Int64(bounded(seconds))
        let parts = [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")]
        guard let first = parts.firstIndex(where: { $0.0 > 0 }) else { return "0s" }
        return parts[first...].prefix(2).filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }.joined(separator: " ")
    }

    /// A number that an integer holds: from 0 on, and 0 for what is no number.
    private static func bounded(_ value: Double) -> Double {
        value.isNaN ? 0 : min(max(value, 0), 1e18)
    }

    /// How much of `whole` a part is, from 0 to 1; of nothing, all.
    public static func share(_ part: UInt64, of whole: UInt64) -> Double {
        whole == 0 ? 1 : min(Double(part) / Double(whole), 1)
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = "\(value)"
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension Duration {
    /// Whole milliseconds.
    public var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
