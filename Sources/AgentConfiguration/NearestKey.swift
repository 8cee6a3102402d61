/// Finds the key that a misspelt one was meant to be.
enum NearestKey {
    /// The key with the fewest edits from `text`, when they are few enough to be a slip.
    static func find(_ text: String, in keys: [String]) -> String? {
        let nearest = keys.map { (key: $0, distance: distance(text, $0)) }.min { $0.distance < $1.distance }
        guard let nearest, nearest.distance <= max(1, text.count / 3) else { return nil }
        return nearest.key
    }

    /// Levenshtein's distance: insertions, deletions and substitutions that turn one text into the other.
    static func distance(_ first: String, _ second: String) -> Int {
        let second = Array(second)
        var row = Array(0...second.count)
        for (index, character) in first.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in second.enumerated() {
                let substitution = diagonal + (character == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substitution, row[column] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
