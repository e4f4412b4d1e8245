import Formatting
import Foundation

/// What ran: configuration, text, vocabulary, machine, cost.
enum SetupSection {
    // MARK: - Configuration

    static func configuration(_ runs: [RunFacts]) -> HTML {
        var parts: [HTML] = []
        let known = runs.enumerated().filter { $0.element.configuration != nil }
        if known.isEmpty { return "<p>No configuration of pretraining was found.</p>" }
        if known.count > 1 {
            let rows = ConfigurationFacts.differences(known.compactMap(\.element.configuration)).map {
                key, values -> [HTML] in
                [PageParts.code(key)] + values.map { $0.map(PageParts.code) ?? "–" }
            }
            parts.append("<h3>Differences between the runs</h3>")
            parts.append(
                rows.isEmpty
                    ? "<p>None: all settings are the same.</p>"
                    : PageParts.table(["setting"] + known.map { PageParts.name($0.element, $0.offset) }, rows))
        }
        for (index, run) in known {
            guard let facts = run.configuration else { continue }
            let title: HTML = runs.count > 1 ? PageParts.name(run, index) : .empty
            let changed = facts.settings.filter { $0.usual != nil }
            let table = PageParts.table(
                ["setting", "value", "\(facts.baseline)"],
                changed.map { [PageParts.code($0.key), PageParts.code($0.value), PageParts.code($0.usual ?? "")] })
            if runs.count == 1 {
                parts.append("<h3>What differs from the \(facts.baseline)</h3>\(table)")
            } else {
                parts.append("<h3>\(title)</h3>\(PageParts.details("What differs from the \(facts.baseline)", table))")
            }
            parts.append(PageParts.details("The whole configuration", "<pre>\(facts.yaml)</pre>"))
        }
        return "\(parts)"
    }

    // MARK: - Text

    static func text(_ runs: [RunFacts]) -> HTML {
        let parts = runs.enumerated().map { index, run -> HTML in
            let title: HTML = runs.count > 1 ? "<h3>\(PageParts.name(run, index))</h3>" : .empty
            guard let corpus = run.corpus else {
                return
                    "\(title)<p>What was read of the text is told by checkpoints of pretraining, and there is none.</p>\(tokenizer(run))"
            }
            let rows = corpus.sources.map { source -> [HTML] in
                [
                    PageParts.code(source.path), PageParts.text(CountFormat.grouped(source.files)),
                    PageParts.text(ByteFormat.text(source.bytes)),
                    PageParts.text(PageParts.number(source.weight, "%g")),
                    "\(PageParts.percent(source.share))<span class=\"bar\" style=\"--v:\(PageParts.number(source.share, "%.3f"))\"></span>",
                    PageParts.text(CountFormat.text(source.tokens)), PageParts.text(CountFormat.text(source.documents)),
                    PageParts.text("\(source.passes)"), PageParts.digest(source.sha256),
                ]
            }
            let table = PageParts.table(
                [
                    "source", "files", "size", "weight", "share of tokens", "tokens read", "documents", "passes",
                    "SHA-256",
                ], rows,
                numeric: [1, 2, 3, 4, 5, 6, 7])
            var notes = ["Held out for evaluation: \(PageParts.percent(corpus.heldOutShare)) of the documents."]
            if corpus.digestsAreOfBlocks { notes.append("Digests are of blocks of the files: the corpus is large.") }
            if corpus.sources.contains(where: { $0.files > 1 }) {
                notes.append("The digest of several files is that of their list as sha256sum prints it, sorted.")
            }
            notes += corpus.acceptedChanges.map { "The corpus was changed \($0)." }
            return "\(title)\(table)<p class=\"note\">\(notes.joined(separator: " "))</p>\(tokenizer(run))"
        }
        return "\(parts)"
    }

    private static func tokenizer(_ run: RunFacts) -> HTML {
        guard let tokenizer = run.tokenizer else { return .empty }
        return """
            <h3>Tokenizer</h3><dl><dt>vocabulary</dt><dd>\(CountFormat.grouped(tokenizer.vocabularySize)) \(tokenizer.kind) tokens</dd>\
            <dt>special tokens</dt><dd>\(tokenizer.addedTokens.prefix(12).map { "<code>\($0)</code> " as HTML })</dd>\
            <dt>tokenizer.json</dt><dd>\(PageParts.digest(tokenizer.sha256))</dd></dl>
            """
    }

    // MARK: - Machine and cost

    static func machine(_ runs: [RunFacts]) -> HTML {
        let parts = runs.enumerated().map { index, run -> HTML in
            let title: HTML = runs.count > 1 ? "<h3>\(PageParts.name(run, index))</h3>" : .empty
            return "\(title)\(facts(run))\(sessions(run))"
        }
        return "\(parts)"
    }

    private static func facts(_ run: RunFacts) -> HTML {
        var rows: [(String, HTML)] = []
        let origin = run.sessions.last?.origin
        if let origin {
            rows.append(
                ("processor", "\(origin.processor)\(origin.threads.map { ", \($0) threads" as HTML } ?? .empty)"))
            rows.append(("host", "\(origin.host), \(ByteFormat.text(origin.memoryBytes)) of memory"))
            rows.append(("program", "\(origin.program)"))
            if let peak = origin.peakFlops {
                rows.append(("measured peak", "\(PageParts.number(peak * 1e-9, "%.0f")) GFLOP/s of matrix products"))
            }
            if let library = origin.linearAlgebra { rows.append(("products", "\(library)")) }
        } else if let checkpoint = run.checkpoints.last {
            if let program = checkpoint.program { rows.append(("program", "\(program)")) }
            if let library = checkpoint.linearAlgebra { rows.append(("products", "\(library)")) }
        }
        if let model = run.model {
            rows.append(("precision", "\(model.precision)"))
            if let flops = model.flopsPerToken {
                rows.append(("FLOPs a token", "\(CountFormat.text(Int(flops))), forward and backward"))
            }
        }
        rows += run.costRows.map { ($0.name, PageParts.text($0.value)) }
        return "<dl>\(rows.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" as HTML })</dl>"
    }

    private static func sessions(_ run: RunFacts) -> HTML {
        guard run.sessions.count > 1 || run.cost.sessionsWithoutEnd > 0 else { return .empty }
        let rows = run.sessions.map { session -> [HTML] in
            [
                PageParts.time(session.started), PageParts.text(session.origin?.host ?? ""),
                PageParts.text(session.origin?.threads.map(String.init) ?? "–"),
                "\(CountFormat.grouped(session.fromStep)) – \(CountFormat.grouped(session.toStep))",
                PageParts.text(session.usage.map { DurationFormat.text($0.seconds) } ?? "–"),
                "\(session.outcome ?? "no end on record")\(session.message.map { " (\($0))" as HTML } ?? .empty)",
            ]
        }
        let table = PageParts.table(["started", "host", "threads", "steps", "time", "end"], rows, numeric: [2])
        let note =
            run.cost.sessionsWithoutEnd > 0
            ? "Starts without an end on record count up to their last checkpoint." : ""
        return PageParts.details("\(run.sessions.count) starts", "\(table)<p class=\"note\">\(note)</p>")
    }

    // MARK: - Checkpoints

    static func checkpoints(_ runs: [RunFacts]) -> HTML {
        let isOne = runs.count == 1
        let rows = runs.enumerated().flatMap { index, run in
            run.checkpoints.reversed().map { checkpoint -> [HTML] in
                let path = PageParts.code(checkpoint.path)
                return (isOne ? [] : [PageParts.name(run, index)]) + [
                    PageParts.text(CountFormat.grouped(checkpoint.step)),
                    PageParts.text(checkpoint.created?.replacing("T", with: " ").replacing("Z", with: " UTC") ?? "–"),
                    PageParts.text(checkpoint.storedBytes.map(ByteFormat.text) ?? "–"),
                    checkpoint.problem.map { "\(path) <span class=\"badge failed\">damaged</span> \($0)" } ?? path,
                ]
            }
        }
        if rows.isEmpty { return "<p>There is none yet.</p>" }
        return PageParts.table(
            (isOne ? [] : ["run"]) + ["step", "written", "size", "path"], rows, numeric: isOne ? [2] : [3])
    }

    // MARK: - Alarms

    static func alarms(_ runs: [RunFacts]) -> HTML {
        let items = runs.enumerated().flatMap { index, run in
            run.alarms.map { alarm -> HTML in
                let name: HTML = runs.count > 1 ? "\(PageParts.name(run, index)) " : .empty
                let times: HTML = alarm.count > 1 ? " (\(alarm.count) times)" : .empty
                let step: HTML =
                    alarm.step.map { " <span class=\"note\">step \(CountFormat.grouped($0))</span>" } ?? .empty
                return "<li>\(name)\(alarm.text)\(times)\(step)</li>"
            }
        }
        let missing = runs.enumerated().flatMap { index, run in
            run.missing.map {
                "<li>\(runs.count > 1 ? "\(PageParts.name(run, index)) " as HTML : .empty)\($0)</li>" as HTML
            }
        }
        let list: HTML = items.isEmpty ? "<p>None.</p>" : "<ul class=\"alarms\">\(items)</ul>"
        return missing.isEmpty ? list : "\(list)<h3>Not shown</h3><ul>\(missing)</ul>"
    }

    // MARK: - What next

    static func next(_ runs: [RunFacts]) -> HTML {
        let parts = runs.enumerated().map { index, run -> HTML in
            let title: HTML = runs.count > 1 ? "<h3>\(PageParts.name(run, index))</h3>" : .empty
            let items = run.commands.map { "<dt><code>\($0.command)</code></dt><dd>\($0.purpose)</dd>" as HTML }
            return "\(title)<dl class=\"commands\">\(items)</dl>"
        }
        return "\(parts)"
    }
}
