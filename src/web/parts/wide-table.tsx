import type { ComponentChildren } from 'preact'

/** A table that scrolls by itself where it is wider than the page. @param label what it tells @param columns heads of the columns @param children rows @param foot a `tfoot` */
export function WideTable(props: {
  readonly label: string
  readonly columns: readonly ComponentChildren[]
  readonly children: ComponentChildren
  readonly foot?: ComponentChildren
}) {
  return (
    <div class="wide" tabIndex={0} role="region" aria-label={props.label}>
      <table>
        <thead>
          <tr>
            {props.columns.map((column, at) => (
              <th key={at} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
        {props.foot}
      </table>
    </div>
  )
}
