import Interchange

/// What became of the tensors of an import, as tables.
enum ImportText {
    /// - Parameter each: a line for every tensor; otherwise one for those of all layers.
    static func text(_ report: ImportReport, each: Bool) -> String {
        let taken = report.taken.map {
            Row(
                name: $0.name, shape: $0.shape, what: $0.source + ($0.remark.map { " (\($0))" } ?? ""),
                folder: $0.folder)
        }
        let made = report.made.map { Row(name: $0.name, shape: $0.shape, what: $0.how, folder: "") }
        let left = report.left.map { Row(name: $0.name, shape: $0.shape, what: $0.reason, folder: $0.folder) }
        return [("taken", taken, "from"), ("made anew", made, "how"), ("left", left, "reason")].filter { !$0.1.isEmpty }
            .map {
                name, rows, what in
                TextTable(
                    header: [name, "tensors", "shape", what], rightAligned: [1],
                    rows: (each ? rows.map { ($0, 1) } : merged(rows)).map { row, count in
                        [row.name, "\(count)", row.shapeText, row.what].map(TextTable.printable)
                    }
                ).text
            }.joined(separator: "\n\n") + "\n"
    }

    private struct Row: Hashable {
        var name: String
        var shape: [Int]
        var what: String
        /// Tensors of different folders are never one row.
        var folder: String

        var shapeText: String { shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: " × ") }
    }

    /// Rows that differ in the number of the layer alone become one.
    private static func merged(_ rows: [Row]) -> [(Row, Int)] {
        var order: [Row] = []
        var counts: [Row: Int] = [:]
        for var row in rows {
            (row.name, row.what) = (withoutLayer(row.name), withoutLayer(row.what))
            if counts[row] == nil { order.append(row) }
            counts[row, default: 0] += 1
        }
        return order.map { ($0, counts[$0] ?? 0) }
    }

    private static func withoutLayer(_ text: String) -> String {
        text.split(separator: ".", omittingEmptySubsequences: false).map {
            !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } ? "*" : String($0)
        }.joined(separator: ".")
    }
}
