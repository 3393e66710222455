import { Menu as Base } from "@base-ui/react/menu";
import type { ReactElement, ReactNode } from "react";
import { Link } from "wouter";

const itemLook = `flex min-h-9 items-center gap-2.5 rounded-md px-3 py-1.5 outline-none
  data-highlighted:bg-tint data-disabled:opacity-60`;

export function Menu({ trigger, children, label, open = false }: {
  trigger: ReactElement;
  children: ReactNode;
  label: string;
  open?: boolean;  // when it appears
}) {
  return (
    <Base.Root defaultOpen={open}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className="z-30 outline-none" sideOffset={6} align="end" collisionPadding={8}>
          <Base.Popup
            aria-label={label}
            className="card max-h-(--available-height) min-w-52 max-w-72 overflow-y-auto p-1.5 shadow-lg outline-none"
          >
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function MenuItem({ onClick, danger, disabled, children }: {
  onClick(): void;
  danger?: boolean;
  disabled?: boolean;
  children: ReactNode;
}) {
  return (
    <Base.Item className={`${itemLook} ${danger ? "text-bad" : ""}`} disabled={disabled} onClick={onClick}>
      {children}
    </Base.Item>
  );
}

export function MenuLink({ to, children }: { to: string; children: ReactNode }) {
  return <Base.Item className={itemLook} nativeButton={false} render={<Link href={to} />}>{children}</Base.Item>;
}

export function MenuChoices<Value extends string>({ label, value, onChange, options }: {
  label: string;
  value: Value;
  onChange(value: Value): void;
  options: { value: Value; label: string }[];
}) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-3 pt-2 pb-1 text-sm text-quiet">{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={(chosen) => onChange(chosen as Value)}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} className={itemLook} closeOnClick>
            <span className="flex w-4 justify-center" aria-hidden>
              <Base.RadioItemIndicator>✓</Base.RadioItemIndicator>
            </span>
            <span className="min-w-0 truncate">{option.label}</span>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

export function MenuLine() {
  return <Base.Separator className="my-1.5 h-px bg-line" />;
}
