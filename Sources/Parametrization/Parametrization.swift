// Parametrization
