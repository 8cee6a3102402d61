import Foundation

/// Numbers with units, for people.
enum Quantity {
    /// `12.3 MiB`
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimal(value, digits: 1)) \(units[unit])"
    }

    /// A number with two digits behind the point.
    static func decimal(_ value: Double, digits: Int = 2) -> String {
        String(format: "%.\(digits)f", value)
    }

    /// Seconds with two digits behind the point.
    static func seconds(_ duration: Duration) -> String {
        decimal(Double(duration.milliseconds) / 1000)
    }

    /// `1:02:03` or `2:03`
    static func clock(_ seconds: Int) -> String {
        let (hours, rest) = seconds.quotientAndRemainder(dividingBy: 3600)
        let text = String(format: hours > 0 ? "%02d:%02d" : "%d:%02d", rest / 60, rest % 60)
        return hours > 0 ? "\(hours):\(text)" : text
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
