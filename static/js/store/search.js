/** The search field's suggestions: products, then where more of their kind is. */
import "../../components/search-box.js"
import { money } from "../format.js"
import { t } from "../texts.js"

/** @param {import("../api.js").Api} api */
export function setupSearch(api) {
  document.querySelector("search-box").find = async (text) => {
    const found = await api.get(`suggest?${new URLSearchParams({ q: text, limit: 5 })}`)
    return [
      ...found.categories.map(({ slug, name, group }) => ({
        label: name,
        note: group.name,
        href: `/catalogue?${new URLSearchParams({ group: group.slug, category: slug })}`,
      })),
      ...found.groups.map(({ slug, name }) => ({
        label: name,
        note: t("find.group"),
        href: `/catalogue?${new URLSearchParams({ group: slug })}`,
      })),
      ...found.brands.map((brand) => ({
        label: brand,
        note: t("spec.brand"),
        href: `/search?${new URLSearchParams({ q: brand })}`,
      })),
      ...found.products.map(({ article, name, image, price }) => ({
        label: name,
        note: money(price),
        image,
        href: `/products/${article}`,
      })),
    ]
  }
}
