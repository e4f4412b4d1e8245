/// A table as Markdown writes it.
public enum MarkdownTable {
    /// - Returns: lines without a line feed at the end; bars in cells are escaped, and line feeds there are blanks.
    public static func text(header: [String], rows: [[String]]) -> String {
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ")
                + " |"
        }
        return ([line(header), "|" + header.map { _ in "---|" }.joined()] + rows.map(line)).joined(separator: "\n")
    }
}
