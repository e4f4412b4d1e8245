import Encoder
import Engine
import Optimization
import Pretraining
import TestModels
import Testing

/// Parts of the parameters, and who moves which.
@Suite("Pieces of parameters and their owners")
struct PieceOwnersTests {
    /// Two networks and two optimizers, with large tables and small tensors.
    private static func layout(_ sharing: EmbeddingSharing, separate: Bool = true) -> ParameterLayout {
        let configuration = SmallModel.configuration {
            $0.model.hiddenSize = 512
            $0.model.embeddingSize = 512
            $0.model.intermediateSize = 1024
            $0.model.embeddingSharing = sharing
            $0.optimizer.separate = separate
        }
        return TrainingEngine.model(configuration.engine, vocabularySize: 700).layout
    }

    static let sharings: [EmbeddingSharing] = [.disentangled, .tokenOnly, .shared, .separate]

    @Test("Every number is in one piece, none reaches across optimizers", arguments: sharings, [true, false])
    func cover(_ sharing: EmbeddingSharing, separate: Bool) {
        let layout = Self.layout(sharing, separate: separate)
        let pieces = GradientPieces(layout)
        var times = [Int](repeating: 0, count: layout.bufferCount)
        for place in pieces.places {
            #expect(place.count <= GradientPieces.floatCount)
            for index in place { times[index] += 1 }
            if let second = layout.secondGroupStart {
                #expect(place.upperBound <= second || place.lowerBound >= second)
            }
        }
        #expect(times.allSatisfy { $0 <= 1 })
        for spec in layout.momentSpecs { #expect(times[spec.offset..<spec.offset + spec.count].allSatisfy { $0 == 1 }) }
        for tensor in layout.derived {
            let place = tensor.slot.offset..<tensor.slot.offset + tensor.slot.rows * tensor.slot.columns
            #expect(times[place].allSatisfy { $0 == 1 })
        }
        #expect(pieces.ofOptimizer.count == (separate ? 2 : 1))
        #expect(pieces.ofOptimizer.flatMap { $0 } == Array(pieces.places.indices))
        // Small tensors are not a task each.
        #expect(pieces.places.count < layout.specs.count)
    }

    @Test("What belongs together has one owner, element by element", arguments: sharings, [1, 2, 3, 5])
    func together(_ sharing: EmbeddingSharing, ranks: Int) {
        let layout = Self.layout(sharing)
        let pieces = GradientPieces(layout)
        for kind in [OptimizerKind.adamW, .muon] {
            let owners = PieceOwners(pieces, layout, kind: kind, rankCount: ranks)
            var owner = [Int](repeating: -1, count: layout.bufferCount)
            for (piece, place) in pieces.places.enumerated() {
                for index in place { owner[index] = owners.ranks[piece] }
            }
            #expect(Set(owners.ranks) == Set(0..<ranks))
            for tensor in layout.derived {
                let other: Int
                switch tensor.kind {
                case .sum(let difference): other = difference.offset
                case .twin: other = tensor.base.offset
                }
                for index in 0..<tensor.slot.rows * tensor.slot.columns {
                    #expect(owner[tensor.slot.offset + index] == owner[other + index])
                }
            }
            guard kind == .muon else { continue }
            for spec in layout.specs where Muon.moves(spec) {
                #expect(Set(owner[spec.offset..<spec.offset + spec.count]).count == 1)
            }
        }
    }

    @Test("Owners have about as much each", arguments: [OptimizerKind.adamW, .muon], [2, 3])
    func balance(_ kind: OptimizerKind, ranks: Int) {
        let layout = Self.layout(.shared, separate: false)
        let pieces = GradientPieces(layout)
        let owners = PieceOwners(pieces, layout, kind: kind, rankCount: ranks)
        let counts = (0..<ranks).map { owners.pieces(of: $0).reduce(0) { $0 + pieces.places[$1].count } }
        let largest = kind == .muon ? 512 * 1024 : GradientPieces.floatCount
        #expect(counts.max()! - counts.min()! <= largest)
    }
}
