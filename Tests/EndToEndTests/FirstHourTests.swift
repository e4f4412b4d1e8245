import Foundation
import Testing

/// What a newcomer meets.
@Suite struct FirstHourTests {
    let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func configCheckOpensWhatTheRunWillOpen() throws {
        let sound = try workspace.pretrain("config", "check", "tiny.yaml", "--json")
        #expect(sound.status == 0, "\(sound.errors)")
        let report = try sound.json()
        #expect(report["first_loss"] as? Double ?? 0 > 0 && report["passes"] as? Double ?? 0 > 0)
        for (setting, reason) in [
            ("tokenizer.path=nothere.json", "nothere.json"), ("corpus.sources.0.text_field=body", "body"),
            ("corpus.sources=[{path: empty}]", "empty"),
        ] {
            try workspace.folder.write("", to: "empty/x.txt")
            let outcome = try workspace.pretrain("config", "check", "tiny.yaml", "--set", setting)
            #expect(
                outcome.status == 1 && outcome.errors.contains(reason),
                "\(setting): \(outcome.output) \(outcome.errors)")
        }
    }

    @Test func parametersAreCountedForTheTokenizerThatIsUsed() throws {
        try workspace.run("run", ["training.steps=1", "tokenizer.vocabulary_size=300"])
        let check = try workspace.pretrain(
            "config", "check", "tiny.yaml", "--no-measurement", "--json", "--set", "tokenizer.path=run/tokenizer.json")
        let inspected = try workspace.pretrain("checkpoint", "inspect", "run", "--json")
        #expect(try check.json()["parameters"] as? Int == inspected.json()["parameters"] as? Int)
    }

    @Test func corpusCheckTellsWhatIsInIt() throws {
        let text = try workspace.pretrain("corpus", "check", "tiny.yaml")
        #expect(text.status == 0 && text.output.contains("held out") && text.output.contains("Latin"), "\(text.errors)")
        let json = try workspace.pretrain("corpus", "check", "--input", "corpus/part0.txt", "--json").json()
        let survey = try #require(json["survey"] as? [String: Any])
        let source = try #require((survey["sources"] as? [[String: Any]])?.first)
        #expect(source["documents"] as? Int == 50)
    }

    @Test func aNameThatPromisesAnotherPictureIsRefused() throws {
        try workspace.run("run", ["training.steps=2"])
        let outcome = try workspace.pretrain("plot", "run", "--output", "p.png")
        #expect(outcome.status == 64 && outcome.errors.contains("SVG"), "\(outcome.errors)")
        #expect(!workspace.folder.exists("p.png"))
    }

    @Test func aStartThatFailsLeavesNothing() throws {
        let outcome = try workspace.run("failed", ["corpus.sources=[{path: absent}]"], expecting: 1)
        #expect(outcome.errors.contains("absent") && !workspace.folder.exists("failed"))
    }

    @Test func fewerStepsThanAreDoneIsNoContradiction() throws {
        try workspace.run("run")
        let outcome = try workspace.run("run", ["training.steps=10"], expecting: 1)
        #expect(outcome.errors.contains("beyond the 10 steps"), "\(outcome.errors)")
    }

    @Test func indicesMayStandInBrackets() throws {
        let outcome = try workspace.pretrain(
            "config", "show", "tiny.yaml", "--set", "corpus.sources[0].path=elsewhere", "--set",
            "corpus.sources[0].weight=2")
        #expect(outcome.status == 0 && outcome.output.contains("elsewhere"), "\(outcome.errors)")
        let train = try workspace.pretrain("train", "--help")
        #expect(train.status == 0 && train.output.contains("Run directory"))
    }

    @Test func textThatIsReadOverAndOverIsSaid() throws {
        try workspace.folder.write(SyntheticText.text(12, seed: 5), to: "few.txt")
        let outcome = try workspace.pretrain(
            "run", "tiny.yaml", "--output", "run", "--json", "--set", "training.steps=120", "--set",
            "corpus.sources=[{path: few.txt}, {path: corpus}]", "--set", "training.evaluate_every=0")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("few.txt has been read 10 times"), "\(outcome.errors)")
        let sources = try #require(try outcome.json()["sources"] as? [[String: Any]])
        #expect((sources[0]["passes"] as? Int ?? 0) >= 10 && (sources[1]["passes"] as? Int ?? 99) < 10, "\(sources)")
        #expect(try workspace.folder.text("run/metrics.jsonl").contains(#""epochs":["#))
    }
}
