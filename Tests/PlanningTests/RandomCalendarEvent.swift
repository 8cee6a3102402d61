import TestSupport

/// Calendar events made up by chance, some of them wrong.
struct RandomCalendarEvent {
    var generator: SeededGenerator

    mutating func next() -> String {
        if chance(20) {
            return pick(["minutely", "Hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "annually"])
        }
        var words: [String] = []
        if chance(3) { words.append(weekdays()) }
        if chance(2) { words.append(date()) }
        if words.isEmpty || chance(2) { words.append(time()) }
        if chance(5) { words.append(pick(["UTC", "Asia/Tokyo", "America/St_Johns", "Australia/Lord_Howe"])) }
        return words.joined(separator: " ")
    }

    /// Now and then a character is changed, so that the result may be no calendar event.
    mutating func nextDamaged() -> String {
        var characters = Array(next())
        for _ in 0..<Int.random(in: 1...2, using: &generator) where !characters.isEmpty {
            let index = Int.random(in: characters.indices, using: &generator)
            let other = Character(pick(["0", "1", "7", "60", ",", ".", "..", "-", "~", "/", ":", "*", "Mon"].map { String($0.prefix(1)) }))
            if chance(3) { characters.remove(at: index) } else { characters[index] = other }
        }
        return String(characters)
    }

    private mutating func weekdays() -> String {
        let names = ["Mon", "tue", "Wednesday", "Thu", "fri", "Saturday", "Sun"]
        let items = (0..<Int.random(in: 1...2, using: &generator)).map { _ in
            let start = Int.random(in: 0...6, using: &generator)
            return chance(2) ? names[start] : "\(names[start])..\(names[Int.random(in: start...6, using: &generator)])"
        }
        return items.joined(separator: ",")
    }

    private mutating func date() -> String {
        let isFromEnd = chance(5)
        let day = isFromEnd ? list(1...28, isFromEnd: true) : list(1...31)
        let rest = "\(chance(2) ? "*" : list(1...12))\(isFromEnd ? "~" : "-")\(day)"
        if chance(3) { return rest }
        return "\(chance(4) ? year() : "*")-\(rest)"
    }

    private mutating func year() -> String { chance(3) ? pick(["26", "29", "69", "70", "99"]) : list(2020...2040) }

    private mutating func time() -> String {
        let minutes = "\(list(0...23)):\(list(0...59))"
        return chance(3) ? "\(minutes):\(list(0...59))" : minutes
    }

    private mutating func list(_ range: ClosedRange<Int>, isFromEnd: Bool = false) -> String {
        if chance(4) { return "*" }
        let count = chance(3) ? 2 : 1
        return (0..<count).map { _ in item(range, isFromEnd) }.joined(separator: ",")
    }

    private mutating func item(_ range: ClosedRange<Int>, _ isFromEnd: Bool) -> String {
        let start = Int.random(in: range, using: &generator)
        if chance(3) {
            let end = Int.random(in: start...range.upperBound, using: &generator)
            let step = Int.random(in: 1...range.count - 1, using: &generator)
            return chance(2) ? "\(start)..\(end)" : "\(start)..\(end)/\(step)"
        }
        let stepMax = isFromEnd ? start - range.lowerBound : range.upperBound - start
        guard stepMax > 0, chance(3) else { return chance(2) && start < 10 ? "0\(start)" : "\(start)" }
        return "\(start)/\(Int.random(in: 1...stepMax, using: &generator))"
    }

    private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }

    private mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &generator) ?? "" }
}
