import Foundation
import TestSupport
import Testing

/// Every command of README and docs/, as it stands there.
///
/// The files that they name are small ones, runs of the demo get fewer steps, comparisons two steps in place of minutes, and one
/// seed, and a suggestion is for less than a minute, so that no large shapes are timed; nothing else is changed.
@Suite struct DocumentedCommandsTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Of the pages in the order in which a reader meets them.
    private static func commands() throws -> [(page: String, command: String)] {
        let pages =
            ["README.md"]
            + [
                "first-model", "text", "runs", "watching", "recipes", "long-documents", "transfer", "using",
                "released-weights",
            ].map {
                "docs/\($0).md"
            }
        return try pages.flatMap { page -> [(String, String)] in
            let text = try String(contentsOf: repository.appendingPathComponent(page), encoding: .utf8)
            var commands: [String] = []
            var isContinued = false
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) where line.hasPrefix("    ") {
                let part = line.trimmingCharacters(in: .whitespaces)
                // A server does not end.
                let isCommand =
                    (part.hasPrefix("pretrain ") || part.contains("| pretrain ")) && !part.hasPrefix("pretrain watch")
                if isContinued {
                    commands[commands.count - 1] += " " + part
                } else if isCommand {
                    commands.append(part)
                } else {
                    continue
                }
                isContinued = part.hasSuffix("\\")
                if isContinued { commands[commands.count - 1].removeLast() }
            }
            return commands.map { command in
                let comment = command.range(of: " # ") ?? command.endIndex..<command.endIndex
                return (page, command[..<comment.lowerBound].trimmingCharacters(in: .whitespaces))
            }
        }
    }

    private static let mine = """
        model: {preset: demo, layer_count: 2, hidden_size: 256, intermediate_size: 512, head_count: 4, embedding_size: 256}
        corpus: {sources: [{path: corpora/mine/*.txt}], sequence_length: 32, held_out: 0.05}
        tokenizer: {vocabulary_size: 400}
        training: {steps: 2, batch_size: 2, evaluate_every: 1, checkpoint_every: 1, log_every: 1}
        evaluation: {tokens: 300}
        """

    @Test(.timeLimit(.minutes(10))) func allRun() throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.mine, to: "mine.yaml")
        let recipes = try String(
            contentsOf: Self.repository.appendingPathComponent("docs/recipes.md"), encoding: .utf8)
        try folder.write(
            try #require(
                recipes.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```").first),
            to: "compare.yaml")
        for (name, count) in [("train", 30), ("dev", 8), ("test", 8), ("new", 4)] {
            let texts = (0..<count).map { index in
                "{\"text\": \"\(SyntheticText.text(1, seed: UInt64(index)).prefix(40).filter { $0 != "\n" })\", \"label\": \(index % 2)}"
            }
            try folder.write(texts.joined(separator: "\n"), to: "\(name).jsonl")
            if name != "new" { try folder.write(texts.joined(separator: "\n"), to: "tasks/parity/\(name).jsonl") }
        }
        try folder.write(
            "{\"sentence_good\": \"The boat waits.\", \"sentence_bad\": \"The boat wait.\"}\n", to: "pairs/a.jsonl")
        for (name, isScored) in [("pairs", false), ("sts", true), ("new-pairs", false)] {
            let rows = (0..<12).map { index in
                "{\"text\": \"The boat \(index) waits.\", \"text_pair\": \"Boat \(index) is waiting.\""
                    + (isScored ? ", \"label\": \(index % 5)}" : "}")
            }
            try folder.write(rows.joined(separator: "\n"), to: "\(name).jsonl")
        }
        try folder.write("The boat waits.\nA harbour.\n", to: "texts.txt")
        let using = try String(contentsOf: Self.repository.appendingPathComponent("docs/using.md"), encoding: .utf8)
        try folder.write(
            try #require(
                using.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```").first),
            to: "task.yaml")
        // Miniatures in place of what others have released, with room for few tokens.
        let released = try String(
            contentsOf: Self.repository.appendingPathComponent("docs/released-weights.md"), encoding: .utf8)
        try folder.write(
            try #require(
                released.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```").first),
            to: "more.yaml")
        let short =
            " --set corpus.sequence_length=16 --set training.steps=3 --set training.batch_size=2 --set training.log_every=1"
            + " --set corpus.held_out=0.3 --set evaluation.tokens=300 --set model.generator.width_multiplier=0.5"
        let miniatures = Self.repository.appendingPathComponent("Tests/InterchangeTests/Fixtures/import")
        for (name, miniature) in [
            ("electra-small-discriminator", "electra-small/discriminator"),
            ("electra-small-generator", "electra-small/generator"), ("bert-base-uncased", "bert"),
        ] {
            try FileManager.default.copyItem(
                at: miniatures.appendingPathComponent(miniature), to: URL(fileURLWithPath: folder(name)))
        }
        for part in ["mine/a", "mine/b", "sotu/a", "sotu/b", "sotu/c", "sotu/d"] {
            try folder.write(
                SyntheticText.text(40, seed: UInt64(part.utf8.reduce(0) { $0 &+ Int($1) })), to: "corpora/\(part).txt")
        }
        let few =
            " --set training.steps=3 --set training.batch_size=2 --set training.log_every=1"
            + " --set corpus.held_out=0.3 --set corpus.held_out_unit=piece --set corpus.maximum_document_bytes=1024"
            + " --set evaluation.tokens=300"
        func run(_ command: String) throws -> Program.Outcome {
            var command = command.replacing("pretrain ", with: "\"$PRETRAIN\" ")
            if command.contains("run --preset demo") {
                command += few + (command.contains("tokenizer.path") ? "" : " --set tokenizer.vocabulary_size=400")
            }
            if command.contains(" more.yaml ") { command += short }
            command = command.replacing("--minutes 30", with: "--steps 2 --seeds 1")
            command = command.replacing("--hours 8", with: "--hours 0.01")
            if command.contains(" suite ") { command += " --seeds 1" }
            // The configuration that pages go on with is the small one.
            command = command.replacing("> mine.yaml", with: "> suggested.yaml")
            return try Program.shell(command, in: folder.path)
        }
        // What a page takes for granted that another one has made, or README's own `make run`.
        for command in [
            "pretrain run --preset demo --output checkpoints/demo", "pretrain run mine.yaml --output checkpoints/other",
            "pretrain run mine.yaml --output checkpoints/short",
        ] {
            let outcome = try run(command)
            #expect(outcome.status == 0, "\(command): \(outcome.errors)")
        }
        let commands = try Self.commands()
        #expect(commands.count > 20)
        var done: Set<String> = []
        // Pages repeat what README shows.
        for (page, command) in commands where done.insert(command).inserted {
            let outcome = try run(command)
            // The verdict of a check is not a matter of the command.
            let isCheck = command.contains("coordinate-check")
            #expect(outcome.status == 0 || isCheck && outcome.status == 1, "\(page): \(command)\n\(outcome.errors)")
            if command.contains("config suggest") { #expect(outcome.errors.contains("passes over the text")) }
        }
        // A suggestion runs, and is a variant of a preset, which becomes another objective's.
        let suggested = try run(
            "pretrain run suggested.yaml --output suggested --set training.steps=2 --set optimizer.warmup_steps=1")
        #expect(suggested.status == 0, "\(suggested.errors)")
        for objective in ["masked_language_model", "electra"] {
            let changed = try run(
                "pretrain config check suggested.yaml --no-measurement --set objective.name=\(objective)")
            #expect(changed.status == 0, "\(changed.errors)")
        }
        #expect(folder.exists("suite/results.md") && folder.exists("suite/rates.svg"))
        #expect(folder.exists("search/target.yaml") && folder.exists("hf/discriminator/config.json"))
    }

    @Test func readmesConfigurationIsSound() throws {
        let text = try String(contentsOf: Self.repository.appendingPathComponent("README.md"), encoding: .utf8)
        let block = try #require(
            text.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```").first)
        let folder = try TemporaryFolder()
        try folder.write(block, to: "mine.yaml")
        try folder.write(SyntheticText.text(60, seed: 3), to: "corpora/mine/a.txt")
        let outcome = try Program.run(["config", "check", "mine.yaml", "--no-measurement"], in: folder.path)
        #expect(outcome.status == 0 && outcome.output.contains("sound"), "\(outcome.errors)")
    }

    @Test func pagesLinkToWhatThereIs() throws {
        for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
            + (try FileManager.default.contentsOfDirectory(atPath: Self.repository.appendingPathComponent("docs").path))
            .filter({ $0.hasSuffix(".md") }).map({ "docs/\($0)" })
        {
            let url = Self.repository.appendingPathComponent(page)
            let text = try String(contentsOf: url, encoding: .utf8)
            for part in text.components(separatedBy: "](").dropFirst() {
                let target = part.prefix { $0 != ")" }.prefix { $0 != "#" }
                if target.isEmpty || target.contains("://") { continue }
                let path = url.deletingLastPathComponent().appendingPathComponent(String(target)).path
                #expect(FileManager.default.fileExists(atPath: path), "\(page): \(target)")
            }
        }
    }
}
