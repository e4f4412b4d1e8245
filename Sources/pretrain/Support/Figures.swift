import ArgumentParser
import Files
import Foundation

/// Files of figures.
enum Figures {
    /// The output of a command that draws.
    ///
    /// - Throws: `ValidationError` for a name that promises another form than the one that is written; `FileFailure`.
    static func file(_ path: String) throws -> OutputFile {
        let kind = (path as NSString).pathExtension.lowercased()
        guard
            ["", "svg"].contains(kind) || !["png", "jpg", "jpeg", "gif", "pdf", "html", "webp", "eps"].contains(kind)
        else {
            throw ValidationError(
                "--output \(path): figures are written as SVG, which browsers show and print; name it .svg "
                    + "(rsvg-convert or inkscape make \(kind.uppercased()) of it)")
        }
        return try OutputFile(checking: path)
    }
}
