"""Networks that know the bulk form of the exchange between air and sea."""

NETS = {"BulkFluxNet": "bulk_flux_net", "CouplingNet": "coupling_net"}
