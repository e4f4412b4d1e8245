/// A table for people: columns as wide as their widest cell, two blanks between them.
struct TextTable {
    var header: [String]
    /// Columns with numbers.
    var rightAligned: Set<Int>
    var rows: [[String]]

    /// The text without control characters, which could rewrite the screen.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }

    var text: String {
        let lines = [header] + rows
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            let padded = cells.indices.map { column in
                let cell = cells[column]
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                // Nothing follows the last column, so it needs no blanks.
                if rightAligned.contains(column) { return blanks + cell }
                return column == cells.count - 1 ? cell : cell + blanks
            }
            return padded.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
