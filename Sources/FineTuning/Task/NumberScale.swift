import Foundation

/// How a task's numbers become what a head learns: their distance from the mean of the training texts, in deviations.
///
/// A head begins near 0 and moves by little more than its learning rate in a step, so that years or prices would stay out of reach.
/// (ELECTRA's release scales the scores of its regression tasks as well, by their range.)
public struct NumberScale: Codable, Equatable, Sendable {
    public var mean: Double
    public var deviation: Double

    public init(mean: Double, deviation: Double) {
        self.mean = mean
        self.deviation = deviation
    }

    /// Of the numbers that rows are labelled with.
    ///
    /// - Throws: `TaskError` for what is no number, and where all are the same.
    init(_ rows: [TaskRow], path: String) throws {
        let numbers = try rows.compactMap { try $0.number("label", path: path) }
        let count = Double(max(numbers.count, 1))
        let mean = numbers.reduce(0) { $0 + $1 / count }
        let deviation = numbers.reduce(0) { $0 + ($1 - mean) / count * ($1 - mean) }.squareRoot()
        guard numbers.contains(where: { $0 != numbers[0] }), deviation > 0 else {
            throw TaskError.file(path: path, "has one number, with which there is nothing to learn")
        }
        guard deviation.isFinite else {
            throw TaskError.file(path: path, "has numbers that are too large to be learned; give them in a larger unit")
        }
        self.init(mean: mean, deviation: deviation)
    }

    func learned(_ number: Double) -> Double { (number - mean) / deviation }

    func number(_ learned: Double) -> Double { learned * deviation + mean }

    /// Why it cannot be one; nil if it can.
    var problem: String? { mean.isFinite && deviation.isFinite && deviation > 0 ? nil : "its numbers have no scale" }
}
