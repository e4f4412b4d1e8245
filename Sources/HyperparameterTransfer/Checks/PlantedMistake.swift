import Encoder
import Parametrization
import Pretraining

/// A wrong rule put into the models of a coordinate check, so that tests can show which mistakes it finds.
package struct PlantedMistake: Sendable {
    /// Changes the configuration of a model that has its width already.
    package var configuration: @Sendable (inout RunConfiguration) -> Void
    /// Factors in place of a tensor's own; nil leaves them.
    package var scaling: @Sendable (ParameterSpec) -> ParameterScaling?

    package init(
        configuration: @escaping @Sendable (inout RunConfiguration) -> Void = { _ in },
        scaling: @escaping @Sendable (ParameterSpec) -> ParameterScaling? = { _ in nil }
    ) {
        self.configuration = configuration
        self.scaling = scaling
    }
}
