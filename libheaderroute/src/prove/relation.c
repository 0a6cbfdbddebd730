/* What one literal says about another without a search: cheap answers, of which "open" is always
 * right. */
#include "relation.h"

static bool is_exact(const hr_language *l) {
    return l->kind == HR_LANG_EXACT && !l->ignore_case;
}

static bool is_plain_prefix(const hr_language *l) {
    return l->kind == HR_LANG_PREFIX && !l->ignore_case;
}

/* A value in `known` and a value in `target`: of one value. */
static hr_relation relate_languages(const hr_language *known, const hr_language *target) {
    if (is_exact(known))
        return hr_language_has(target, known->text) ? HR_REL_IMPLIED : HR_REL_DISJOINT;
    if (is_exact(target))
        return hr_language_has(known, target->text) ? HR_REL_OPEN : HR_REL_DISJOINT;
    if (!hr_str_starts(known->begins, target->begins) &&
        !hr_str_starts(target->begins, known->begins))
        return HR_REL_DISJOINT;
    return is_plain_prefix(target) && hr_str_starts(known->begins, target->text) ? HR_REL_IMPLIED
                                                                                 : HR_REL_OPEN;
}

/* Both positive, of one attribute. */
static hr_relation relate_positive(const hr_universe *u, const hr_atom *known,
                                   const hr_atom *target) {
    if (target->presence)
        return HR_REL_IMPLIED;
    if (known->presence || u->attrs.v[known->attr].each)
        return HR_REL_OPEN;
    return relate_languages(&known->language, &target->language);
}

static hr_relation opposite(hr_relation r) {
    return r == HR_REL_OPEN ? HR_REL_OPEN : r == HR_REL_IMPLIED ? HR_REL_DISJOINT : HR_REL_IMPLIED;
}

hr_relation hr_relate(const hr_universe *u, hr_literal known, hr_literal target) {
    const hr_atom *a = hr_atom_of(u, known), *b = hr_atom_of(u, target);
    if (known / 2 == target / 2)
        return known == target ? HR_REL_IMPLIED : HR_REL_DISJOINT;
    if (a->attr != b->attr || u->attrs.v[a->attr].kind == HR_ATTR_FREE)
        return HR_REL_OPEN;
    if (!hr_is_negated(known)) {
        hr_relation r = relate_positive(u, a, b);
        return hr_is_negated(target) ? opposite(r) : r;
    }
    if (a->presence) /* an absent attribute has no value */
        return hr_is_negated(target) ? HR_REL_IMPLIED : HR_REL_DISJOINT;
    if (hr_is_negated(target) || b->presence || u->attrs.v[a->attr].each)
        return HR_REL_OPEN;
    /* Not in `known`, but in `target`: disjoint if the target is a part of it. */
    return relate_languages(&b->language, &a->language) == HR_REL_IMPLIED ? HR_REL_DISJOINT
                                                                          : HR_REL_OPEN;
}

hr_relation hr_relate_all(const hr_universe *u, const hr_literal *known, size_t n,
                          hr_literal target) {
    hr_relation result = HR_REL_OPEN;
    for (size_t i = 0; i < n && result != HR_REL_DISJOINT; i++) {
        hr_relation r = hr_relate(u, known[i], target);
        result = r == HR_REL_OPEN ? result : r;
    }
    return result;
}
