/// Columns as wide as what is in them, two spaces apart.
struct TextTable {
    private var rows: [[String]]

    /// A table with one row, the names of the columns.
    init(_ names: [String]) {
        rows = [names]
    }

    /// Adds a row; an empty cell shows as `-`.
    mutating func add(_ cells: [String]) {
        rows.append(cells.map { $0.isEmpty ? "-" : $0 })
    }

    /// The rows, without space at their ends.
    var lines: [String] {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let padded = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            return (padded.dropLast() + row.suffix(1)).joined(separator: "  ")
        }
    }
}
