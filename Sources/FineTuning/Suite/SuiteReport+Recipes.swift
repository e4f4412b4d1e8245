import Pretraining

extension SuiteReport {
    /// Models that differ in nothing but the seed of their pretraining, together.
    public struct Recipe: Codable, Equatable, Sendable {
        public var name: String
        public var models: [String]
        /// By task, of every model's mean; none where all have diverged.
        public var scores: [String: SeedSpread]
        public var minimalPairs: PairScores
    }

    /// What every recipe came to that several models follow.
    var foundRecipes: [Recipe] {
        var names: [String] = []
        for case let name? in starts.map(\.start.recipe) where !names.contains(name) { names.append(name) }
        return names.map { name in
            let models = starts.filter { $0.start.recipe == name }
            func pairs(_ judge: KeyPath<PairScores, SeedSpread?>) -> SeedSpread? {
                SeedSpread(models.compactMap { $0.minimalPairs?[keyPath: judge]?.mean })
            }
            let scores = tasks.compactMap { task in
                SeedSpread(models.compactMap { self[task, $0.start.name]?.spread?.mean }).map { (task, $0) }
            }
            return Recipe(
                name: name, models: models.map(\.start.name), scores: Dictionary(uniqueKeysWithValues: scores),
                minimalPairs: PairScores(
                    language: pairs(\.language), detection: pairs(\.detection), correction: pairs(\.correction)))
        }
    }

    /// The header and rows of a table of recipes: means of their models with deviations; nil where no two models are of one.
    public var recipeTable: (header: [String], rows: [[String]])? {
        guard let recipes else { return nil }
        let header = ["recipe", "models"] + tasks + judges.map { "pairs, \($0.name)" }
        let rows = recipes.map { recipe in
            [recipe.name, "\(recipe.models.count)"]
                + tasks.map { task in
                    guard let spread = recipe.scores[task] else { return "diverged" }
                    let missing = recipe.models.count - spread.count
                    return spread.text + (missing > 0 ? " (\(missing) diverged)" : "")
                } + judges.map { recipe.minimalPairs[keyPath: $0.score]?.text ?? "–" }
        }
        return (header, rows)
    }

    /// What the table of recipes is.
    public static let recipeExplanation =
        "Models that differ by the seed of their pretraining alone: mean of their scores above, ±: deviation among them."
}
