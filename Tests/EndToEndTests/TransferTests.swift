import Foundation
import TestSupport
import Testing

@Suite struct TransferTests {
    let workspace: Workspace

    static let configuration = """
        \(TinyModels.target)
        corpus: {sources: [{path: corpus}], sequence_length: 32, held_out: 0.05, shuffle_documents: 50}
        training: {steps: 60, batch_size: 8, lanes: 1}
        """

    init() throws {
        workspace = try Workspace()
        try workspace.folder.write(Self.configuration, to: "target.yaml")
    }

    private func transfer(_ output: String, _ more: [String], threads: Int = 2) throws -> Program.Outcome {
        try Program.run(
            ["transfer-hp", "target.yaml", "--output", output, "--proxy-width", "64", "--threads", "\(threads)"]
                + ["--no-coordinate-check", "--json"] + more, in: workspace.path)
    }

    private func trials(_ outcome: Program.Outcome) throws -> [[String: Any]] {
        let rungs = try #require(try outcome.json()["rungs"] as? [[String: Any]])
        return try rungs.flatMap { try #require($0["trials"] as? [[String: Any]]) }
    }

    @Test func aSearchResumesAndItsResultRuns() throws {
        let search = ["--search", "learning_rate=1e-3,4e-3,50", "--proxy-steps", "40"]
        let expected = try transfer("one", search, threads: 1)
        #expect(expected.status == 0, "\(expected.errors)")
        let losses = try trials(expected).map { $0["total_loss"] as? Double }
        #expect(losses.count == 3)
        // Ranked on one corruption of the held-out text; its source is a run like any other, and the generators' own masks
        // are the same, so that `pretrain evaluate --corruption-from` finds the same loss.
        let fixed = try trials(expected).map { $0["fixed_total_loss"] as? Double }
        #expect(fixed[0] != nil && fixed[0] != losses[0] && fixed[0] != fixed[1])
        let judged = try workspace.pretrain(
            "evaluate", "one/trials/rung-1/trial-2", "--corruption-from", "one/corruption", "--json")
        #expect(judged.status == 0, "\(judged.errors)")
        let detection = try #require(try judged.json()["discriminator_loss"] as? Double)
        let found = try #require(try trials(expected)[1]["fixed_discriminator_loss"] as? Double)
        #expect(abs(detection - found) < 1e-6)
        // A learning rate of 50 diverges, ends early or worse than the others, and is not chosen.
        let chosen = try #require((try expected.json()["values"] as? [String: Double])?["learning_rate"])
        #expect(chosen == 1e-3 || chosen == 4e-3)

        // Interrupted after the first trial, on other threads: the same losses to the last bit.
        let child = try Program.start(
            ["transfer-hp", "target.yaml", "--output", "two", "--proxy-width", "64", "--threads", "2", "--json"]
                + ["--no-coordinate-check"] + search, in: workspace.path)
        try child.waitUntil { workspace.folder.names("two/trials/rung-1").count > 0 }
        child.send(SIGTERM)
        let stopped = try child.wait()
        #expect(stopped.status == 75 || stopped.status == 0, "\(stopped.errors)")
        let resumed = try transfer("two", search)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try trials(resumed).map { $0["total_loss"] as? Double } == losses)
        #expect(try trials(resumed).map { $0["fixed_total_loss"] as? Double } == fixed)
        let text = try workspace.folder.text("two/report.md")
        #expect(text.contains("own loss") && text.contains("own discriminator"))

        for file in ["report.html", "report.md", "report.json", "search.svg", "target.yaml", "tokenizer.json"] {
            #expect(FileManager.default.fileExists(atPath: "\(workspace.path)/one/\(file)"), "\(file)")
        }
        // Every trial is a run directory like any other.
        let trial = try workspace.pretrain("evaluate", "one/trials/rung-1/trial-1", "--json")
        #expect(trial.status == 0)
        #expect(try trial.json()["generator_loss"] is Double)

        // What was written trains, resumes with its multipliers, and refuses others.
        let run = ["run", "one/target.yaml", "--output", "target", "--quiet", "--set", "training.steps=6"]
        #expect(try Program.run(run, in: workspace.path).status == 0)
        let changed = try Program.run(
            ["run", "one/target.yaml", "--output", "target", "--quiet", "--set", "training.steps=8"]
                + ["--set", "parametrization.base_hidden_size=128"], in: workspace.path)
        #expect(changed.status == 1 && changed.errors.contains("parametrization.base_hidden_size"))
        let further = try Program.run(
            ["run", "one/target.yaml", "--output", "target", "--quiet", "--set", "training.steps=8"], in: workspace.path
        )
        #expect(further.status == 0, "\(further.errors)")

        // The directory belongs to its search.
        let other = try transfer("one", ["--search", "learning_rate=1e-3,2e-3", "--proxy-steps", "40"])
        #expect(other.status == 1 && other.errors.contains("holds another search"))
    }

    @Test func verificationComparesWidths() throws {
        try workspace.folder.write(
            Self.configuration.replacing("hidden_size: 128", with: "hidden_size: 256").replacing(
                "embedding_size: 128", with: "embedding_size: 256"
            ).replacing("head_count: 4", with: "head_count: 8"), to: "target.yaml")
        let outcome = try transfer(
            "search",
            ["--search", "learning_rate=1e-3,4e-3", "--proxy-steps", "12", "--verify", "--verify-widths", "64,128,256"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let verification = try #require(try outcome.json()["verification"] as? [String: Any])
        let sweeps = try #require(verification["sweeps"] as? [[String: Any]])
        #expect(sweeps.count == 6)
        let narrow = try sweeps.filter { $0["width"] as? Int == 64 }.map { sweep in
            try #require(sweep["results"] as? [[String: Any]]).map { $0["total_loss"] as? Double }
        }
        // At the base width both parametrizations are one, and the search has run it already.
        #expect(narrow.count == 2 && narrow[0] == narrow[1])
        #expect(narrow[0] == (try trials(outcome).map { $0["total_loss"] as? Double }))
        #expect(workspace.folder.names("search/verify/12-steps").count == 4)
        let page = try workspace.folder.text("search/report.html")
        #expect(page.contains("Standard parametrization") && !page.contains("http://localhost"))
        #expect(verification["split"] as? String == "held_out")
    }

    @Test func trialsOfTheLastRungAreRepeatedWithOtherSeeds() throws {
        let search = ["--search", "learning_rate=1e-3,1.001e-3", "--proxy-steps", "12"]
        let one = try trials(try transfer("one", search))
        let outcome = try transfer("three", search + ["--seeds", "3"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let three = try trials(outcome)
        for (single, repeated) in zip(one, three) {
            let losses = try #require(repeated["seed_losses"] as? [Double])
            #expect(losses.count == 3 && Set(losses).count == 3)
            #expect(losses[0] == single["fixed_total_loss"] as? Double)
            #expect(repeated["flops"] as? Double == (single["flops"] as? Double).map { 3 * $0 })
        }
        // Rates a thousandth apart make no difference that seeds do not.
        let notes = try #require(try outcome.json()["notes"] as? [String])
        #expect(notes.contains { $0.contains("is not told apart from the next") }, "\(notes)")
    }

    @Test func verificationIsReportedOnTestDocuments() throws {
        let wider = ["hidden_size=256", "embedding_size=256", "head_count=8"].flatMap { ["--set", "model.\($0)"] }
        let outcome = try transfer(
            "search",
            wider + ["--set", "corpus.test=0.1", "--search", "learning_rate=1e-3", "--proxy-steps", "12", "--verify"]
                + ["--verify-widths", "64,128,256", "--verify-rates", "1e-3"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let verification = try #require(try outcome.json()["verification"] as? [String: Any])
        #expect(verification["split"] as? String == "test")
        let sweeps = try #require(verification["sweeps"] as? [[String: Any]])
        let narrow = try #require((sweeps[0]["results"] as? [[String: Any]])?.first)
        let verified = "search/verify/12-steps/mup-width-64/learning-rate-0.001"
        for (arguments, key) in [
            ([], "discriminator_loss"), (["--corruption-from", "search/corruption"], "fixed_discriminator_loss"),
        ] {
            let test = try Program.run(
                ["evaluate", verified, "--split", "test", "--json"] + arguments, in: workspace.path)
            #expect(test.status == 0, "\(test.errors)")
            let loss = try #require(try test.json()["discriminator_loss"] as? Double)
            #expect(abs(loss - (try #require(narrow[key] as? Double))) < 1e-6)
        }
        // Trained on the same text, judged on other: the search's own trial has the same weights and other losses.
        let trial = try #require(try trials(outcome).first)
        #expect(trial["total_loss"] as? Double != narrow["total_loss"] as? Double)
    }

    @Test func mistakesShowBeforeTheFirstTrial() throws {
        try workspace.folder.write("", to: "file")
        for (arguments, message) in [
            (["--search", "dropout=0.1..0.2"], "no hyperparameter"), (["--search", "learning_rate=2..1"], "not below"),
            (["--proxy-width", "32"], "heads"), (["--proxy-layers", "2"], "Pre-LN"),
            (["--verify", "--verify-widths", "64,128"], "three or more"),
        ] {
            let outcome = try transfer("none", arguments)
            #expect(outcome.status == 1 && outcome.errors.contains(message), "\(arguments): \(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: workspace.path + "/none/trials"))
        }
        let unwritable = try transfer("file/below", [])
        #expect(unwritable.status == 1 && unwritable.errors.contains("cannot"))
        #expect(try transfer("none", ["--trials", "0"]).status == 64)
        #expect(try transfer("none", ["--method", "guess"]).status == 64)
    }

    @Test func aDryRunListsTensorsAndWritesNothing() throws {
        let outcome = try transfer("none", ["--dry-run"])
        let report = try outcome.json()
        let target = try #require(report["target"] as? [[String: Any]])
        let query = try #require(target.first { ($0["name"] as? String)?.hasSuffix("query.weight") == true })
        #expect(query["width_ratio"] as? Double == 2 && query["role"] as? String == "hidden")
        #expect(query["learning_rate"] as? Double == 1e-3)
        #expect((report["proxy"] as? [[String: Any]])?.count == target.count)
        #expect(!FileManager.default.fileExists(atPath: workspace.path + "/none"))

        // What --verify costs is told, and part of the total.
        let wider = ["hidden_size=256", "embedding_size=256", "head_count=8"].flatMap { ["--set", "model.\($0)"] }
        let planned = try transfer("none", wider + ["--dry-run", "--verify", "--verify-widths", "64,128,256"])
        #expect(planned.status == 0, "\(planned.errors)")
        let verified = try planned.json()
        let (search, verify) = (verified["search_flops"], verified["verify_flops"])
        let total = try #require(search as? Double) + (try #require(verify as? Double))
        let whole = try #require(verified["target_flops"] as? Double)
        #expect(try #require(verify as? Double) > 0)
        #expect(abs(try #require(verified["cost_share"] as? Double) - total / whole) < 1e-9)
    }

    @Test func theCoordinateCheckTellsItsVerdictByItsStatus() throws {
        let arguments = [
            "coordinate-check", "target.yaml", "--widths", "64,128", "--steps", "2", "--seeds", "1", "--json", "--set",
            "training.batch_size=2",
        ]
        let passing = try Program.run(arguments + ["--tolerance", "2"], in: workspace.path)
        #expect(passing.status == 0, "\(passing.errors)")
        #expect(try passing.json()["passes"] as? Bool == true)
        #expect(try workspace.folder.text("coordinate-check.svg").contains("</svg>"))
        let failing = try Program.run(arguments + ["--tolerance", "1e-9"], in: workspace.path)
        #expect(failing.status == 1)
        #expect(try failing.json()["passes"] as? Bool == false)
        #expect(try Program.run(["coordinate-check", "target.yaml", "--widths", "x"], in: workspace.path).status == 64)
        #expect(try Program.run(["coordinate-check", "target.yaml", "--widths", "64"], in: workspace.path).status == 1)
    }
}
