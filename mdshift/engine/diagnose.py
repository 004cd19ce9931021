"""Diagnose a source against a target: what shifted, of which kind, how much, where, and what it costs.

Facts that a rule may read (`Diagnosis.facts`); a fact that cannot be known is absent:

    sizes      n_source, n_target            rows held in memory (rows_source, rows_target: rows in the files)
               n_source_labelled, n_target_labelled
               n_sources                     source domains
               n_features                    columns used (n_numbers, n_categories, n_texts of them)
               n_classes                     classes in the sources (absent for a regression)
               n_labels                      label columns
               min_class_count               rows of the rarest source class
               min_target_class_count        labelled target rows of the rarest class that has any
    what       modality                      "table" | "array" | "image" | "text"
               task                          "classification" | "regression" | "none"
               has_target, has_time, has_text  true | false
    shift      kinds                         the reading: a list out of "covariate", "label", "concept"
               verdicts, severities          {"covariate": ..., "label": ..., "concept": ...}
               similarity                    "high" | "medium" | "low"
               js_mean, js_max               Jensen-Shannon divergence of the features, bits
               auc                           of the domain classifier, .5 to 1
               mmd                           kernel distance of X
               overlap                       share of the target that lies where the source has data, 0 to 1
               prior_distance                total variation between the class shares, 0 to 1 (estimated without labels)
               shifted_features              share of the columns with an adjusted p-value below alpha
    relation   label_overlap                 share of classes in common, 0 to 1
               feature_overlap               share of columns in common, 0 to 1
    quality    missing_share, duplicates_share, outlier_share, leakage_share  0 to 1
               imbalance                     rows of the largest source class over those of the rarest
    cost       metric                        "accuracy" | "r2"
               source_score                  cross-validated on the source
               expected_score                expected on the target, without its labels
               target_score                  measured on the target's labels
               drop                          source_score less target_score, or less expected_score
"""
