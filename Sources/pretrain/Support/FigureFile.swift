import ArgumentParser
import Files
import Foundation

/// The file of a figure: SVG, or what another program makes of that.
struct FigureFile {
    private let path: String
    private let file: OutputFile
    /// What makes the file's form of SVG; nil for SVG itself.
    private let converter: FigureConverter?

    /// - Throws: `ValidationError` for a form that nothing here makes; `FileFailure`.
    init(_ path: String) throws {
        let form = (path as NSString).pathExtension.lowercased()
        switch form {
        case "png", "pdf": converter = try FigureConverter(form, for: path)
        case "jpg", "jpeg", "gif", "html", "webp", "eps":
            throw ValidationError("--output \(path): figures are SVG, PNG or PDF; name it .svg, .png or .pdf")
        default: converter = nil
        }
        self.path = path
        file = try OutputFile(checking: path)
    }

    /// - Throws: `FigureConversionFailure`, `FileFailure`.
    func write(_ svg: String) throws {
        guard let converter else { return try file.write(svg) }
        try file.write(try converter.convert(svg, for: path))
    }
}

/// A program that makes other forms of SVG: rsvg-convert, of librsvg, or inkscape. No Swift library that draws PNG is both kept up
/// and free of a desktop's dependencies.
struct FigureConverter {
    private let program: String
    private let arguments: [String]

    /// Looks for a program along PATH.
    ///
    /// - Parameters:
    ///   - form: png or pdf.
    ///   - figure: for the error.
    init(_ form: String, for figure: String) throws {
        // Twice the size in pixels, so that text stays sharp on today's screens.
        let choices = [
            ("rsvg-convert", ["--format", form] + (form == "png" ? ["--zoom", "2"] : [])),
            (
                "inkscape",
                ["--pipe", "--export-type=\(form)", "--export-filename=-"] + (form == "png" ? ["--export-dpi=192"] : [])
            ),
        ]
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        for (name, arguments) in choices {
            guard
                let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") })
            else { continue }
            program = "\(folder)/\(name)"
            self.arguments = arguments
            return
        }
        throw ValidationError(
            "--output \(figure): figures are drawn as SVG, and rsvg-convert (package librsvg2-bin) or inkscape makes "
                + "\(form.uppercased()) of it; neither is here. Install one, or name the figure .svg")
    }

    /// - Throws: `FigureConversionFailure`.
    func convert(_ svg: String, for figure: String) throws -> Data {
        let folder = FileManager.default.temporaryDirectory.appending(path: "pretrain-figure-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (drawing, errors) = (folder.appending(path: "figure.svg"), folder.appending(path: "errors"))
        try Data(svg.utf8).write(to: drawing)
        try Data().write(to: errors)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: drawing)
        process.standardError = try FileHandle(forWritingTo: errors)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let result = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0, !result.isEmpty else {
            let said = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
            throw FigureConversionFailure(
                figure: figure, program: program, status: process.terminationStatus,
                reason: said.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return result
    }
}

/// Another program did not make of a figure what was wanted.
struct FigureConversionFailure: Error, CustomStringConvertible {
    let figure: String
    let program: String
    let status: Int32
    let reason: String

    var description: String {
        "\(figure): \(program) ended with status \(status)\(reason.isEmpty ? "" : " (\(reason))"); name the figure .svg to do without it"
    }
}
