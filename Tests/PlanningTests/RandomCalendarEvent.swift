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
            if chance(3) { characters.remove(at: index) } else { characters[index] = pick(Array("0179,.-~/:*M")) }
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
        let day = isFromEnd ? list(1...23, isFromEnd: true) : list(1...31)
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
        if chance(3) { return "\(item(range)),\(item(range))" }
        return chance(3) ? repetition(range, isFromEnd) : item(range)
    }

    private mutating func item(_ range: ClosedRange<Int>) -> String {
        let start = Int.random(in: range, using: &generator)
        guard start < range.upperBound, chance(3) else { return chance(2) && start < 10 ? "0\(start)" : "\(start)" }
        let end = Int.random(in: start + 1...range.upperBound, using: &generator)
        return chance(2) ? "\(start)..\(end)" : "\(start)..\(end)/\(Int.random(in: 1...end - start, using: &generator))"
    }

    /// Without an end. Steps are divisors only: with others, systemd 252 leaves out times when a day, month or year ends.
    private mutating func repetition(_ range: ClosedRange<Int>, _ isFromEnd: Bool) -> String {
        let start = Int.random(in: range, using: &generator)
        let stepMax = isFromEnd ? start - range.lowerBound : range.upperBound - start
        let steps = range.filter { $0 > 0 && $0 <= stepMax && range.count.isMultiple(of: $0) }
        return steps.isEmpty ? "\(start)" : "\(start)/\(pick(steps))"
    }

    private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }

    private mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        choices[Int.random(in: choices.indices, using: &generator)]
    }
}
