/// The rows of a table of comma-separated values (RFC 4180), with the lines that they begin at.
///
/// Cells in quotation marks may hold commas, line feeds, and quotation marks written twice; within any other cell a quotation mark
/// is text. Blank lines are no rows.
struct CommaSeparatedRows {
    struct Row {
        /// Of the file, counted from 1.
        var line: Int
        var cells: [String]
    }

    private(set) var rows: [Row] = []

    private enum Place {
        /// Before a cell's content, behind nothing but spaces.
        case start
        case plain
        case quoted
        /// Behind a quotation mark that may be the first of two.
        case quotation
        /// Behind the closing quotation mark, and spaces.
        case closed
    }

    /// - Parameter path: of the file, for errors.
    /// - Throws: `TaskError` with the line, for quotation marks that are not as they should be.
    init(_ text: String, path: String) throws {
        var (place, cell, row) = (Place.start, [UInt8](), Row(line: 1, cells: []))
        var (line, opened) = (1, 1)
        func endCell() {
            row.cells.append(String(decoding: cell, as: UTF8.self))
            cell.removeAll(keepingCapacity: true)
        }
        func endRow() {
            let isBlank = row.cells.isEmpty && place == .start
            endCell()
            if !isBlank { rows.append(row) }
            row = Row(line: line, cells: [])
        }
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\n") { line += 1 }
            switch (place, byte) {
            case (.quoted, UInt8(ascii: "\"")): place = .quotation
            case (.quoted, _): cell.append(byte)
            case (.quotation, UInt8(ascii: "\"")):
                cell.append(byte)
                place = .quoted
            case (_, UInt8(ascii: ",")):
                endCell()
                place = .start
            case (_, UInt8(ascii: "\n")):
                endRow()
                place = .start
            case (.start, UInt8(ascii: "\"")):
                cell.removeAll(keepingCapacity: true)
                place = .quoted
                opened = line
            case (.start, UInt8(ascii: " ")), (.start, UInt8(ascii: "\t")): cell.append(byte)
            case (.start, _), (.plain, _):
                cell.append(byte)
                place = .plain
            case (.quotation, UInt8(ascii: " ")), (.closed, UInt8(ascii: " ")), (.quotation, UInt8(ascii: "\t")),
                (.closed, UInt8(ascii: "\t")):
                place = .closed
            case (.quotation, _), (.closed, _):
                throw TaskError.row(
                    path: path, line: line,
                    "has text behind the closing quotation mark of a cell; within a cell, write quotation marks twice")
            }
        }
        if place == .quoted {
            throw TaskError.row(path: path, line: opened, "has a quotation mark that is never closed")
        }
        if !(row.cells.isEmpty && place == .start) { endRow() }
    }
}
