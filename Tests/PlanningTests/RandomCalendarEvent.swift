import TestSupport

/// Calendar events made up by chance, some of them wrong.
struct RandomCalendarEvent {
    var generator: SeededGenerator

    /// Where repetitions without an end go.
    private enum RepetitionKind {
        case open, fromEnd, closed
    }

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
        // systemd 252 takes days up to the 28th from the end, but only up to the 25th as second of a list.
        // It also leaves out New Year when a repetition of days goes over the end of December.
        let day = isFromEnd ? list(1...25, .fromEnd) : list(1...31, .closed)
        let rest = "\(chance(2) ? "*" : list(1...12))\(isFromEnd ? "~" : "-")\(day)"
        if chance(3) { return rest }
        return "\(chance(4) ? year() : "*")-\(rest)"
    }

    private mutating func year() -> String { chance(3) ? pick(["26", "29", "69", "70", "99"]) : list(2020...2040) }

    private mutating func time() -> String {
        let minutes = "\(list(0...23)):\(list(0...59))"
        return chance(3) ? "\(minutes):\(list(0...59))" : minutes
    }

    private mutating func list(_ range: ClosedRange<Int>, _ kind: RepetitionKind = .open) -> String {
        if chance(4) { return "*" }
        let count = chance(3) ? 2 : 1
        return (0..<count).map { _ in item(range, kind) }.joined(separator: ",")
    }

    private mutating func item(_ range: ClosedRange<Int>, _ kind: RepetitionKind) -> String {
        let start = Int.random(in: range, using: &generator)
        // Ranges of one second, or with a step beyond their end, are refused by systemd 252.
        if start < range.upperBound, chance(3) {
            let end = Int.random(in: start + 1...range.upperBound, using: &generator)
            let step = Int.random(in: 1...end - start, using: &generator)
            return chance(2) ? "\(start)..\(end)" : "\(start)..\(end)/\(step)"
        }
        let stepMax =
            switch kind {
            case .open: range.upperBound - start
            case .fromEnd: start - range.lowerBound
            case .closed: 0
            }
        guard stepMax > 0, chance(3) else { return chance(2) && start < 10 ? "0\(start)" : "\(start)" }
        return "\(start)/\(Int.random(in: 1...stepMax, using: &generator))"
    }

    private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }

    private mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        choices[Int.random(in: choices.indices, using: &generator)]
    }
}
